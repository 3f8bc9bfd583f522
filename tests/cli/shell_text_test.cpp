#include "cli/shell_text.h"

#include <doctest/doctest.h>

using namespace rankine;

TEST_CASE("words that a shell would change stand in quotes") {
  CHECK(shell_text({"rankine", "train", "--output_dir=a/b", "--network_args", "conv_dim=4"}) ==
        "rankine train --output_dir=a/b --network_args conv_dim=4");
  CHECK(shell_text({"a b", "it's", "", "$x", "Kätzchen"}) == "'a b' 'it'\\''s' '' '$x' 'Kätzchen'");
  CHECK(!program_name().empty());
}
