#pragma once
#include <cstdint>

namespace rankine::cpu {

/// Divides n values by their largest magnitude and returns that; zeros stay zeros.
float divide_by_largest(float* values, int64_t n);

}  // namespace rankine::cpu
