#pragma once
#include <cstdint>
#include <vector>

namespace rankine {

/// The order of list(range(count)) after Python's random.seed(seed) and random.shuffle. It decides which pictures
/// sd-scripts holds out.
std::vector<int> python_shuffle(int count, int64_t seed);

}  // namespace rankine
