#include "text/repair_text.h"

#include <doctest/doctest.h>

#include <ctime>
#include <string>

#include "text/assets.h"
#include "text/unicode.h"

#include "base/error.h"

using namespace rankine;

namespace {

std::string repair(const std::string& text) { return encode_utf8(repair_text(decode_utf8(text))); }

}  // namespace

// The expected texts are what ftfy 6.3 makes of them.
TEST_CASE("UTF-8 that was read as Windows-1252 is undone, once or twice") {
  CHECK(repair("schÃ¶n") == "schön");
  CHECK(repair("ÃƒÂ©tÃƒÂ©") == "été");
  CHECK(repair("â€œhiâ€\xc2\x9d") == "\"hi\"");
  CHECK(repair("ÐŸÑ€Ð¸Ð²ÐµÑ‚") == "Привет");
  CHECK(repair("æ—¥æœ¬èªž") == "日本語");
  CHECK(repair("ðŸ˜€ smile") == "😀 smile");
  CHECK(repair("Tiáº¿ng Viá»‡t, phá»‘") == "Tiếng Việt, phố");
}

TEST_CASE("text that only looks like damage stays") {
  for (const char* text : {"AHÅ™, the new sofa from IKEA®", "musée»…", "São Paulo", "naïve café—déjà vu", "5€–10€",
                           "Ünï çødé", "Ελληνικά", "日本語", "20°C ½ ² ™"})
    CHECK(repair(text) == text);
}

TEST_CASE("HTML entities are replaced, but not beside a '<'") {
  CHECK(repair("&EACUTE; &eacute; &#x27; &#39; &#x80; &hearts;") == "É é ' ' € ♥");
  CHECK(repair("&nosuch; &eacute &amp") == "&nosuch; &eacute &amp");
  CHECK(repair("&#0; &#99999999999;") == "\ufffd \ufffd");
  CHECK(repair("<b> &amp;") == "<b> &amp;");
  CHECK(repair("&lt;b&gt; &amp;amp;") == "<b> &");
  CHECK(repair("a &amp; b\n<i> &amp;\n&amp;") == "a & b\n<i> &amp;\n&amp;");
}

TEST_CASE("a text that is damaged in more layers than any real one is repaired in time in proportion to its length") {
  std::string ampersands = "&", decoded = "\u00c3";
  for (int i = 0; i < 100'000; ++i) {
    ampersands += "amp;";
    decoded += "\u0083";  // read as Windows-1252, C3 83 is UTF-8's form of U+00C3, and so on
  }
  for (const std::string& text : {ampersands, decoded}) {
    const std::clock_t begin = std::clock();
    CHECK(repair(text).size() < text.size());
    CHECK(static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC < 10);
  }
  CHECK(repair("&amp;amp;amp;amp;amp;amp;lt;") == "<");
}

TEST_CASE("ligatures, full-width forms, quotes, escapes and control characters become plain") {
  CHECK(repair("ŉ ĳ ǆ ﬀ ﬁ") == "'n ij dž ff fi");
  CHECK(repair("ＡＢ\u3000Ｃ ﾊﾛｰ") == "AB C ハロー");
  CHECK(repair("‘a’ “b” ‚c „d") == "'a' \"b\" 'c \"d");
  CHECK(repair("\x1b[31;1mred\x1b[0m\ufeff\x7f") == "red");
  CHECK(repair("a\u0300") == "à");
  CHECK(repair("a\r\u2028b") == "a\n\nb");
}

TEST_CASE("lower-casing is Python's: dotted I gives two code points, a final sigma its own form") {
  CHECK(encode_utf8(to_lower(U"İ ΟΔΟΣ ẞ")) == "i\u0307 οδος ß");
  CHECK(collapse_spaces(U"\u3000 a\u00a0\t\x1c\nb \u2003") == U"a b");
}

TEST_CASE("a damaged gzip file is an error") {
  const std::string_view good = assets::html_entities_gz();
  CHECK_THROWS_AS(gunzip(good.substr(0, good.size() / 2)), Error);
  CHECK_THROWS_AS(gunzip("not gzip"), Error);
  CHECK_THROWS_AS(gunzip(""), Error);
}
