#pragma once
#include "backend/cpu/kernels/tensor_ptr.h"

namespace rankine::cpu {

/// The kernels of a convolution by tap: x [matrices, taps] -> y [taps, matrices], converted to y's type.
void split_taps(In x, Out y, int64_t matrices, int64_t taps);

}  // namespace rankine::cpu
