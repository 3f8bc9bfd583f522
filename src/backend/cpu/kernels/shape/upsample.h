#pragma once
#include "backend/cpu/kernels/tensor_ptr.h"

namespace rankine::cpu {

struct UpsampleShape {
  int64_t samples = 1;
  int64_t height_in = 1, width_in = 1;
  int64_t height_out = 1, width_out = 1;
  int64_t channels = 1;
};

/// Where an output row or column comes from: floor(o * in / out), rounded as torch's mode 'nearest' rounds it.
int64_t nearest_source(int64_t o, int64_t in, int64_t out);

/// y[n, h, w] = x[n, source of h, source of w]. x: [N, height_in, width_in, C], y: [N, height_out, width_out, C], of
/// one type.
void upsample_nearest(In x, Out y, const UpsampleShape& shape);

/// dx: each pixel is the sum of the dy that were copied from it, in f32. dx and dy: f32, bf16 or f16 each.
void upsample_nearest_backward(In dy, Out dx, const UpsampleShape& shape);

}  // namespace rankine::cpu
