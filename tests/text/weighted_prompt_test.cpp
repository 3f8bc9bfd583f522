#include "text/weighted_prompt.h"

#include <doctest/doctest.h>

#include "base/error.h"

using namespace rankine;

TEST_CASE("brackets multiply the weight of what they hold, and nest") {
  CHECK(parse_weighted_prompt("a (b:1.5) c") == std::vector<WeightedText>{{"a ", 1}, {"b", 1.5}, {" c", 1}});
  CHECK(parse_weighted_prompt("((a) b)") == std::vector<WeightedText>{{"a", 1.1 * 1.1}, {" b", 1.1}});
  CHECK(parse_weighted_prompt("[a]") == std::vector<WeightedText>{{"a", 1 / 1.1}});
}

TEST_CASE("what is no bracket pair or weight is text, and neighbours of equal weight are joined") {
  CHECK(parse_weighted_prompt("a) b] :c x:1.2)") == std::vector<WeightedText>{{"a) b] :c x:1.2)", 1}});
  CHECK(parse_weighted_prompt("\\(a\\) \\b") == std::vector<WeightedText>{{"(a) b", 1}});
  CHECK(parse_weighted_prompt("(a:x)") == std::vector<WeightedText>{{"a:x", 1.1}});
  CHECK(parse_weighted_prompt("(a") == std::vector<WeightedText>{{"a", 1.1}});
  CHECK(parse_weighted_prompt("") == std::vector<WeightedText>{{"", 1}});
  CHECK(parse_weighted_prompt("()") == std::vector<WeightedText>{{"", 1}});
  CHECK(parse_weighted_prompt("(a:+.5)(b:-1)") == std::vector<WeightedText>{{"a", 0.5}, {"b", -1}});
}

TEST_CASE("a weight that is no number is an error") {
  CHECK_THROWS_AS(parse_weighted_prompt("(a:1.2.3)"), Error);
  CHECK_THROWS_AS(parse_weighted_prompt("(a:.)"), Error);
}

TEST_CASE("a weight of a megabyte is told in a short message, and a text that is all open brackets refused at once") {
  std::string error = "no error";
  try {
    parse_weighted_prompt("(a:" + std::string(1 << 20, '.') + ")");
  } catch (const Error& thrown) {
    error = thrown.what();
  }
  CHECK(error.find("is not a number") != std::string::npos);
  CHECK(error.size() < 200);

  // Each factor would go to all pieces behind it: half a million times half a million of them in a megabyte.
  for (const char* open : {"(a", "[a"}) {
    std::string text;
    for (int i = 0; i < 1000; ++i) text += open;
    CHECK_NOTHROW(parse_weighted_prompt(text));
    CHECK_THROWS_AS(parse_weighted_prompt(text + open), Error);
  }
  std::string closed;
  for (int i = 0; i < 100'000; ++i) closed += "(a)";
  CHECK(parse_weighted_prompt(closed) == std::vector<WeightedText>{{std::string(100'000, 'a'), 1.1}});
}
