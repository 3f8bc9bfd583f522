#include "backend/cpu/kernels/norm/group_norm.h"
#include "backend/cpu/kernels/norm/layer_norm.h"
#include "backend/cpu/ops/op_kernels.h"
#include "graph/ops/shapes.h"

namespace rankine::cpu {
namespace {

GroupNormShape shape_of(const KernelContext& p) {
  const Shape& x = p.input_type(0).shape;
  return {x[0], rows_of(x) / x[0], x.back(), p.attributes().integer("groups")};
}

/// The inputs that group_norm and both of its gradients share.
struct GroupNorm {
  GroupNormShape shape;
  ChannelSource x;
  const float *gain, *bias;
  bool silu;
  void* scratch;
  explicit GroupNorm(KernelContext& p)
      : shape(shape_of(p)),
        x{p.in(0), shape.channels},
        gain(static_cast<const float*>(p.input(1))),
        bias(static_cast<const float*>(p.input(2))),
        silu(p.attributes().text("activation") == "silu"),
        scratch(p.scratch(group_norm_scratch_bytes(shape))) {}
};

const float* floats(const KernelContext& p, int input) { return static_cast<const float*>(p.input(input)); }
float* result(const KernelContext& p, int output) { return static_cast<float*>(p.output(output)); }

}  // namespace

Launch prepare_group_norm(KernelContext& p) {
  const auto eps = static_cast<float>(p.attributes().real("eps"));
  return [=, g = GroupNorm(p), y = p.out(), mean = result(p, 1), rstd = result(p, 2)] {
    group_norm(g.shape, {&g.x, 1}, g.gain, g.bias, eps, g.silu, y, mean, rstd, g.scratch);
  };
}

Launch prepare_group_norm_grad_x(KernelContext& p) {
  return [g = GroupNorm(p), mean = floats(p, 3), rstd = floats(p, 4), dy = p.in(5),
          dx = ChannelSink{p.out(), p.output_type().shape.back()}] {
    group_norm_backward(g.shape, {&g.x, 1}, dy, g.gain, g.bias, g.silu, mean, rstd, {&dx, 1}, g.scratch);
  };
}

Launch prepare_group_norm_grad_affine(KernelContext& p) {
  return [g = GroupNorm(p), mean = floats(p, 3), rstd = floats(p, 4), dy = p.in(5), dgain = result(p, 0),
          dbias = result(p, 1)] {
    group_norm_backward_parameters(g.shape, {&g.x, 1}, dy, g.gain, g.bias, g.silu, mean, rstd, dgain, dbias, g.scratch);
  };
}

Launch prepare_layer_norm(KernelContext& p) {
  const auto eps = static_cast<float>(p.attributes().real("eps"));
  const int64_t channels = p.input_type(0).shape.back(), rows = rows_of(p.input_type(0).shape);
  return [=, x = p.in(0), gain = floats(p, 1), bias = floats(p, 2), y = p.out(), mean = result(p, 1),
          rstd = result(p, 2)] { layer_norm(x, gain, bias, eps, y, mean, rstd, rows, channels); };
}

Launch prepare_layer_norm_grad_x(KernelContext& p) {
  const int64_t channels = p.input_type(0).shape.back(), rows = rows_of(p.input_type(0).shape);
  return [=, x = p.in(0), gain = floats(p, 1), mean = floats(p, 2), rstd = floats(p, 3), dy = p.in(4), dx = p.out()] {
    layer_norm_backward(x, dy, gain, mean, rstd, dx, rows, channels);
  };
}

Launch prepare_layer_norm_grad_affine(KernelContext& p) {
  const int64_t channels = p.input_type(0).shape.back(), rows = rows_of(p.input_type(0).shape);
  void* scratch = p.scratch(layer_norm_scratch_bytes(rows, channels));
  return [=, x = p.in(0), mean = floats(p, 2), rstd = floats(p, 3), dy = p.in(4), dgain = result(p, 0),
          dbias = result(p, 1)] {
    layer_norm_backward_parameters(x, dy, mean, rstd, dgain, dbias, rows, channels, scratch);
  };
}

}  // namespace rankine::cpu
