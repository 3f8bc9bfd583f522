#include "data/tag_frequency.h"

#include <doctest/doctest.h>

using namespace rankine;

TEST_CASE("tags are split at commas, stripped, lower-cased and counted in order of appearance") {
  TagCounter counter("3_cat");
  counter.add("A Cat,  sitting ,, \u00C9t\u00E9\u3000,");
  counter.add("");
  counter.add("sitting, a cat, a cat");
  const TagFrequency& frequency = counter.frequency();
  CHECK(frequency.folder == "3_cat");
  const std::vector<std::pair<std::string, int64_t>> expected = {{"a cat", 3}, {"sitting", 2}, {"\u00E9t\u00E9", 1}};
  CHECK(frequency.tags == expected);
}
