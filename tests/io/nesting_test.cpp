#include "io/nesting.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "support/hostile.h"

using namespace rankine;
using test::repeated;

namespace {

bool is_refused(const std::string& text) {
  try {
    check_nesting(text, "file");
  } catch (const Error&) {
    return true;
  }
  return false;
}

}  // namespace

TEST_CASE("brackets and dotted keys may lie 64 deep inside each other and no deeper") {
  for (const char* bracket : {"[", "{", "[{"}) {
    const int each = static_cast<int>(std::string(bracket).size());
    CHECK_FALSE(is_refused(repeated(bracket, 64 / each)));
    CHECK(is_refused(repeated(bracket, 64 / each + 1)));
  }
  CHECK_FALSE(is_refused("[" + repeated("a.", 64) + "a]\n"));
  CHECK(is_refused("[" + repeated("a.", 65) + "a]\n"));
  CHECK(is_refused(repeated("\"a\" . ", 65) + "a = 1"));
  CHECK_FALSE(is_refused(repeated("[a.b]\nc.d = [1.5, {x = 2.5}]\n", 1000)));
}

TEST_CASE("what stands in strings and comments is no nesting, wherever they end") {
  const std::string deep = repeated("[", 100), dots = repeated("a.", 100);
  for (const std::string& inside : {deep, dots}) {
    CHECK_FALSE(is_refused("\"" + inside + "\""));
    CHECK_FALSE(is_refused("'" + inside + "'"));
    CHECK_FALSE(is_refused("\"\"\"\n" + inside + "\"\" \"\"\""));
    CHECK_FALSE(is_refused("'''\n" + inside + "''\\'''"));
    CHECK_FALSE(is_refused("# " + inside + "\n"));
    CHECK_FALSE(is_refused("\"\\\"" + inside + "\""));
    CHECK_FALSE(is_refused("\"" + inside));
    // Behind their ends it is.
    CHECK(is_refused("\"\" " + inside));
    CHECK(is_refused("\"\\\\\" " + inside));
    CHECK(is_refused("'\\' " + inside));
    CHECK(is_refused("\"\"\"a\"\"\"\"\" " + inside));
    CHECK(is_refused("'''a'''' " + inside));
    CHECK(is_refused("# \"\n" + inside));
  }
  CHECK_THROWS_WITH(check_nesting("\n\n" + deep, "x.json"), doctest::Contains("x.json:3: lists"));
}
