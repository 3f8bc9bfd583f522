#pragma once
#include <cstdint>
#include <vector>

namespace rankine {

/// The order of list(range(count)) after Python's random.seed(seed) and random.shuffle: which pictures sd-scripts holds
/// out follows from it.
std::vector<int> python_shuffle(int count, int64_t seed);

}  // namespace rankine
