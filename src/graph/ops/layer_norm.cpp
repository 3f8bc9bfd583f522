#include <cmath>

#include "graph/ops/ops.h"
#include "graph/ops/shapes.h"

namespace rankine {

constinit const OpDef layer_norm_op = {
    .name = "layer_norm",
    .infer = [](const Node& n) -> std::vector<Type> {
      const Type& x = n.input(0).type();
      for (int i : {1, 2})
        check(n.input(i).type() == Type{{x.shape.back()}, DType::f32}, "gain and bias are f32[channels], got ",
              n.input(i).type(), " for ", x);
      const Type statistics{{rows_of(x.shape)}, DType::f32};
      return {x, statistics, statistics};
    },
    .grad = [](const Node& n, std::span<const Value> dy) -> std::vector<Value> {
      Node& self = const_cast<Node&>(n);
      const std::vector<Value> all = {n.input(0), n.input(1), self.output(1), self.output(2), dy[0]};
      const Value affine = n.graph().add(layer_norm_grad_affine_op, all);
      return {n.graph().add(layer_norm_grad_x_op, all), affine, {&affine.node(), 1}};
    },
    .flops = [](const Node& n) { return 8.0 * static_cast<double>(n.type().count()); },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const int64_t C = in[0].dim(-1), rows = in[0].count() / C;
          const double eps = n.attributes().real("eps"), size = static_cast<double>(C);
          for (int64_t r = 0; r < rows; ++r) {
            double mean = 0, variance = 0;
            for (int64_t c = 0; c < C; ++c) mean += in[0][r * C + c] / size;
            for (int64_t c = 0; c < C; ++c) {
              const double d = in[0][r * C + c] - mean;
              variance += d * d / size;
            }
            const double rstd = 1.0 / std::sqrt(variance + eps);
            out[1][r] = mean;
            out[2][r] = rstd;
            for (int64_t c = 0; c < C; ++c) out[0][r * C + c] = (in[0][r * C + c] - mean) * rstd * in[1][c] + in[2][c];
          }
        },
};

// [x, gain, mean, rstd, dy] -> dx;  with h = (x - mean) rstd and q = dy gain: dx = rstd (q - mean(q) - h mean(q h))
constinit const OpDef layer_norm_grad_x_op = {
    .name = "layer_norm_grad_x",
    .infer = [](const Node& n) -> std::vector<Type> { return {n.input(0).type()}; },
    .flops = [](const Node& n) { return 12.0 * static_cast<double>(n.type().count()); },
    .reference =
        [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const int64_t C = in[0].dim(-1), rows = in[0].count() / C;
          for (int64_t r = 0; r < rows; ++r) {
            double mean_q = 0, mean_qh = 0;
            for (int64_t c = 0; c < C; ++c) {
              const double q = in[4][r * C + c] * in[1][c], h = (in[0][r * C + c] - in[2][r]) * in[3][r];
              mean_q += q / static_cast<double>(C);
              mean_qh += q * h / static_cast<double>(C);
            }
            for (int64_t c = 0; c < C; ++c) {
              const double q = in[4][r * C + c] * in[1][c], h = (in[0][r * C + c] - in[2][r]) * in[3][r];
              out[0][r * C + c] = in[3][r] * (q - mean_q - h * mean_qh);
            }
          }
        },
    .in_place = {4, -1, -1},  // kernels sum a row before they write it
};

// [x, gain, mean, rstd, dy] -> dgain, dbias: f32 [C]
constinit const OpDef layer_norm_grad_affine_op = {
    .name = "layer_norm_grad_affine",
    .infer = [](const Node& n) -> std::vector<Type> {
      return {n.input(1).type(), n.input(1).type()};
    },
    .flops = [](const Node& n) { return 6.0 * static_cast<double>(n.input(0).type().count()); },
    .reference =
        [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const int64_t C = in[0].dim(-1), rows = in[0].count() / C;
          for (int64_t r = 0; r < rows; ++r)
            for (int64_t c = 0; c < C; ++c) {
              out[0][c] += in[4][r * C + c] * (in[0][r * C + c] - in[2][r]) * in[3][r];
              out[1][c] += in[4][r * C + c];
            }
        },
};

Value layer_norm(Value x, Value gain, Value bias, double eps) {
  return x.graph().add(layer_norm_op, {x, gain, bias}, {{"eps", eps}});
}

}  // namespace rankine
