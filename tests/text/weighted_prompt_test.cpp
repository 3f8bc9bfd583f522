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
