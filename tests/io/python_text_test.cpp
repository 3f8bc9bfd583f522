#include "io/python_text.h"

#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "base/error.h"

using namespace rankine;

TEST_CASE("floats are printed as Python prints them") {
  const std::pair<double, const char*> cases[] = {
      {0.0, "0.0"},
      {-0.0, "-0.0"},
      {1.0, "1.0"},
      {5e-5, "5e-05"},
      {1e-4, "0.0001"},
      {0.00012, "0.00012"},
      {1.25e-5, "1.25e-05"},
      {0.1, "0.1"},
      {0.1 + 0.2, "0.30000000000000004"},
      {100.0, "100.0"},
      {123.456, "123.456"},
      {-2.5, "-2.5"},
      {1795494714.9213421, "1795494714.9213421"},
      {9007199254740993.0, "9007199254740992.0"},
      {1e15, "1000000000000000.0"},
      {1e16, "1e+16"},
      {1.5e300, "1.5e+300"},
      {5e-324, "5e-324"},
      {std::numeric_limits<double>::infinity(), "inf"},
      {-std::numeric_limits<double>::infinity(), "-inf"},
      {std::numeric_limits<double>::quiet_NaN(), "nan"},
  };
  for (const auto& [value, text] : cases) CHECK(python_float(value) == text);
}

TEST_CASE("other values are printed as str() and json.dumps() print them") {
  CHECK(python_text(true) == "True");
  CHECK(python_text(-7) == "-7");
  CHECK(python_text(2.0f) == "2.0");
  CHECK(python_text("text") == "text");
  CHECK(python_text(std::optional<double>{}) == "None");
  CHECK(python_text(std::optional<double>{5}) == "5.0");
  CHECK(json_text(false) == "false");
  CHECK(json_text(std::optional<std::string>{}) == "null");
  CHECK(json_text("a") == "\"a\"");
  CHECK(json_text(0.25) == "0.25");
  CHECK(json_object({}) == "{}");
  CHECK(json_object({{"a", "1"}, {"b", "[]"}}) == R"({"a": 1, "b": []})");
  CHECK(json_array({"1", "2"}) == "[1, 2]");
}

TEST_CASE("JSON strings are ASCII, with surrogate pairs outside the first plane, and need UTF-8") {
  CHECK(json_quoted("a\"b\\c/\n\t\r\b\f\x01\x7f") == R"("a\"b\\c/\n\t\r\b\f\u0001\u007f")");
  CHECK(json_quoted("caf\xc3\xa9 \xe7\x8c\xab \xf0\x9f\x90\xb1") == R"("caf\u00e9 \u732b \ud83d\udc31")");
  for (const char* wrong :
       {"\xff", "\xc3", "\xc3(", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe7\x8c", "\x80"}) {
    CHECK_THROWS_WITH_AS(json_quoted(wrong), doctest::Contains("UTF-8"), Error);
  }
}
