#pragma once
#include "graph/ops/ops.h"
#include "models/blocks/scope.h"

/// Layers with the checkpoint's weights, named by their scope. Matrices and kernels have x's element type, norms and
/// biases are f32.
namespace rankine {

/// x: [..., K] -> [..., channels]; weight [channels, K].
Value linear(const Scope& s, Value x, int64_t channels, bool bias = true);

struct Conv2dOptions {
  int64_t channels = 0;
  int64_t kernel = 3;
  Conv2dGeometry geometry = {};
};
/// Options of a convolution that keeps the picture's size (or halves it, with stride 2): padding kernel / 2.
inline Conv2dOptions same_conv(int64_t channels, int64_t kernel = 3, int64_t stride = 1) {
  return {channels, kernel, Conv2dGeometry::same(kernel, stride)};
}
/// x: [N, H, W, C] -> [N, H', W', channels]; weight [channels, C, kernel, kernel].
Value conv2d(const Scope& s, Value x, const Conv2dOptions& options);

/// Stable Diffusion's group norms all have 32 groups.
Value group_norm(const Scope& s, Value x, double eps);
Value layer_norm(const Scope& s, Value x);

}  // namespace rankine
