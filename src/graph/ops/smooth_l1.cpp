#include <cmath>

#include "graph/ops/ops.h"

namespace rankine {

// Computes 2 (sqrt(d^2 + c^2) - c) as 2 d^2 / (sqrt(d^2 + c^2) + c), which loses no digits for small d.
constinit const OpDef smooth_l1_op = {
    .name = "smooth_l1",
    .infer = [](const Node& n) -> std::vector<Type> {
      const Value d = n.input(0), c = n.input(1);
      check(d.dtype() == DType::f32 && d.rank() >= 1, "the difference is f32 [N, ...], got ", d.type());
      check(c.type() == Type{{d.dim(0)}, DType::f32}, "there is one threshold a sample, ", d.dim(0), ", got ",
            c.type());
      return {d.type()};
    },
    .grad = [](const Node& n, std::span<const Value> dy) -> std::vector<Value> {
      return {n.graph().add(smooth_l1_grad_op, {n.input(0), n.input(1), dy[0]}), {}};  // thresholds have no gradient
    },
    .flops = [](const Node& n) { return 16.0 * static_cast<double>(n.type().count()); },  // root, quotient: 6 each
    .reference =
        [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const int64_t size = in[0].count() / in[0].dim(0);
          for (int64_t i = 0; i < out[0].count(); ++i) {
            const double d = in[0][i], c = in[1][i / size];
            out[0][i] = d == 0 ? 0.0 : 2 * d * d / (std::sqrt(d * d + c * c) + c);
          }
        },
};

// [d, c [N], dy] -> dd = dy * 2 d / sqrt(d^2 + c^2)
constinit const OpDef smooth_l1_grad_op = {
    .name = "smooth_l1_grad",
    .infer = [](const Node& n) -> std::vector<Type> { return {n.input(0).type()}; },
    .flops = [](const Node& n) { return 17.0 * static_cast<double>(n.type().count()); },
    .reference =
        [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const int64_t size = in[0].count() / in[0].dim(0);
          for (int64_t i = 0; i < out[0].count(); ++i) {
            const double d = in[0][i], c = in[1][i / size];
            out[0][i] = d == 0 ? 0.0 : 2 * in[2][i] * d / std::sqrt(d * d + c * c);
          }
        },
};

Value smooth_l1(Value d, Value c) { return d.graph().add(smooth_l1_op, {d, c}); }

}  // namespace rankine
