#include "cli/shell_text.h"

#include <doctest/doctest.h>

#include "base/error.h"

using namespace rankine;

TEST_CASE("words that a shell would change stand in quotes") {
  CHECK(shell_text({"rankine", "train", "--output_dir=a/b", "--network_args", "conv_dim=4"}) ==
        "rankine train --output_dir=a/b --network_args conv_dim=4");
  CHECK(shell_text({"a b", "it's", "", "$x", "Kätzchen"}) == "'a b' 'it'\\''s' '' '$x' 'Kätzchen'");
  CHECK(!program_name().empty());
}

TEST_CASE("a text is split into words as a shell splits it") {
  using Words = std::vector<std::string>;
  CHECK(shell_words("") == Words{});
  CHECK(shell_words("  a  b\tc\n") == Words{"a", "b", "c"});
  CHECK(shell_words(R"("a b" 'c "d"' e\ f "it's" "" x="1 2")") == Words{"a b", "c \"d\"", "e f", "it's", "", "x=1 2"});
  CHECK(shell_words(R"("a\"b" "C:\new" '\')") == Words{"a\"b", "C:\\new", "\\"});
  const Words hard = {"a b", "it's", "", "$x", "\"q\"", "back\\slash"};
  CHECK(shell_words(shell_text(hard)) == hard);
  CHECK_THROWS_WITH_AS(shell_words("a 'b"), doctest::Contains("does not end"), Error);
}
