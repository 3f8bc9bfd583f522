#include "text/text_file.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "io/temp_folder.h"

using namespace rankine;
using namespace std::string_literals;

TEST_CASE("a text file is read whole, without its byte order mark") {
  const TempFolder folder;
  for (const std::string& text : {""s, "a"s, "größer\r\n日本語 😀\n"s}) {
    put_bytes(folder / "a", text);
    CHECK(read_text_file(folder / "a", 100).text == text);
    CHECK_FALSE(read_text_file(folder / "a", 100).has_byte_order_mark);
    put_bytes(folder / "a", "\xEF\xBB\xBF" + text);
    CHECK(read_text_file(folder / "a", 100).text == text);
    CHECK(read_text_file(folder / "a", 100).has_byte_order_mark);
  }
}

TEST_CASE("what is no text file is an error that names it and its fault") {
  const TempFolder folder;
  const auto error = [&](const std::string& bytes) {
    put_bytes(folder / "a", bytes);
    const std::string text = error_of([&] { read_text_file(folder / "a", 100); });
    CHECK(text.find(folder / "a") == 0);
    return text;
  };
  CHECK(error("\xff\xfe"
              "a\0"s)
            .find("UTF-16: save it as UTF-8") != std::string::npos);
  CHECK(error("\xfe\xff\0a"s).find("UTF-16: save it as UTF-8") != std::string::npos);
  CHECK(error("a\0b\0"s).find("zero byte") != std::string::npos);
  CHECK(error(std::string(101, 'a')).find("101 bytes, at most 100") != std::string::npos);
  for (const std::string& bad : {"abc\xe9"s, "\xc0\x80"s, "\xed\xa0\x80"s, "\xf5\x80\x80\x80"s, "\xe2\x82"s})
    CHECK(error(bad).find("not UTF-8") != std::string::npos);
  CHECK(error_of([&] { read_text_file(folder.path().string(), 100); }).find("this is a folder") != std::string::npos);
  CHECK(error_of([&] { read_text_file(folder / "none", 100); }).find("cannot open") != std::string::npos);
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK(error_of([&] { read_text_file(folder / "pipe", 100); }).find("not a regular file") != std::string::npos);
}
