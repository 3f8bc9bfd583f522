#include <cmath>

#include "backend/cpu/ops/op_kernels.h"

// The shapes of the error other than the square. One thread each: a batch of latents is small beside any layer.
namespace rankine::cpu {
namespace {

const float* floats(KernelContext& p, int input) { return static_cast<const float*>(p.input(input)); }

}  // namespace

Launch prepare_abs(KernelContext& p) {
  return [x = floats(p, 0), y = static_cast<float*>(p.output()), n = p.output_type().count()] {
    for (int64_t i = 0; i < n; ++i) y[i] = std::fabs(x[i]);
  };
}

Launch prepare_abs_grad(KernelContext& p) {
  return [x = floats(p, 0), dy = floats(p, 1), dx = static_cast<float*>(p.output()), n = p.output_type().count()] {
    for (int64_t i = 0; i < n; ++i) dx[i] = x[i] > 0 ? dy[i] : x[i] < 0 ? -dy[i] : 0.0f;
  };
}

Launch prepare_smooth_l1(KernelContext& p) {
  const int64_t n = p.output_type().count(), size = n / p.output_type().shape[0];
  return [=, d = floats(p, 0), c = floats(p, 1), y = static_cast<float*>(p.output())] {
    for (int64_t i = 0; i < n; ++i) {
      const float square = d[i] * d[i], limit = c[i / size];
      y[i] = square == 0 ? 0.0f : 2 * square / (std::sqrt(square + limit * limit) + limit);
    }
  };
}

Launch prepare_smooth_l1_grad(KernelContext& p) {
  const int64_t n = p.output_type().count(), size = n / p.output_type().shape[0];
  return [=, d = floats(p, 0), c = floats(p, 1), dy = floats(p, 2), dx = static_cast<float*>(p.output())] {
    for (int64_t i = 0; i < n; ++i) {
      const float limit = c[i / size], root = std::sqrt(d[i] * d[i] + limit * limit);
      dx[i] = root == 0 ? 0.0f : 2 * dy[i] * d[i] / root;
    }
  };
}

}  // namespace rankine::cpu
