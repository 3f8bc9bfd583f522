#include "graph/ops/ops.h"

namespace rankine {

constinit const OpDef mse_loss_op = {
    .name = "mse_loss",
    .infer = [](const Node& n) -> std::vector<Type> {
      check(n.input(0).type() == n.input(1).type() && n.input(0).dtype() == DType::f32 && n.input(0).rank() >= 1,
            "prediction and target are f32 of one shape, got ", n.input(0).type(), " and ", n.input(1).type());
      return {{{n.input(0).dim(0)}, DType::f32}};
    },
    .grad = [](const Node& n, std::span<const Value> dy) -> std::vector<Value> {
      const Value d = n.graph().add(mse_loss_grad_op, {n.input(0), n.input(1), dy[0]});
      return {d, scale(d, -1.0)};
    },
    .flops = [](const Node& n) { return 3.0 * static_cast<double>(n.input(0).type().count()); },
    .reference =
        [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const int64_t size = in[0].count() / in[0].dim(0);
          for (int64_t i = 0; i < in[0].count(); ++i) {
            const double d = in[0][i] - in[1][i];
            out[0][i / size] += d * d / static_cast<double>(size);
          }
        },
};

// [pred, target, dy [N]] -> dpred
constinit const OpDef mse_loss_grad_op = {
    .name = "mse_loss_grad",
    .infer = [](const Node& n) -> std::vector<Type> { return {n.input(0).type()}; },
    .flops = [](const Node& n) { return 3.0 * static_cast<double>(n.type().count()); },
    .reference =
        [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const int64_t size = in[0].count() / in[0].dim(0);
          for (int64_t i = 0; i < in[0].count(); ++i)
            out[0][i] = 2.0 / static_cast<double>(size) * (in[0][i] - in[1][i]) * in[2][i / size];
        },
};

Value mse_loss(Value pred, Value target) { return pred.graph().add(mse_loss_op, {pred, target}); }

}  // namespace rankine
