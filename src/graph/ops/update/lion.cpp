#include "graph/ops/ops.h"
#include "graph/ops/update/expression.h"
#include "graph/ops/update/update.h"

namespace rankine {

// Lion (Chen et al. 2023, arXiv:2302.06675, algorithm 2), with decoupled weight decay.
// [w, m, g, factor, lr] -> w', m'.  factor, lr: f32 []; g is multiplied by factor first.
constinit const OpDef lion_op = {
    .name = "lion",
    .infer = [](const Node& n) -> std::vector<Type> {
      check_same_as_first(n, 1, 3);
      check_scalars(n, 3, 5);
      return {n.input(0).type(), n.input(0).type()};
    },
    .flops = [](const Node& n) { return 10.0 * static_cast<double>(n.type().count()); },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const double beta1 = n.attributes().real("beta1"), beta2 = n.attributes().real("beta2");
          const double weight_decay = n.attributes().real("weight_decay"), lr = in[4][0];
          for (int64_t i = 0; i < in[0].count(); ++i) {
            const double g = in[2][i] * in[3][0], u = beta1 * in[1][i] + (1 - beta1) * g;
            const double sign = u > 0 ? 1 : u < 0 ? -1 : 0;
            out[0][i] = in[0][i] * (1 - lr * weight_decay) - lr * sign;
            out[1][i] = beta2 * in[1][i] + (1 - beta2) * g;
          }
        },
    .decompose = [](const Node& n) -> std::vector<Value> {
      using namespace expression;
      const double beta1 = n.attributes().real("beta1"), beta2 = n.attributes().real("beta2");
      const Value w = n.input(0), m = n.input(1), g = n.input(2) * n.input(3), lr = n.input(4);
      const Value direction = sign(m * beta1 + g * (1 - beta1));
      return {w * (1 - lr * n.attributes().real("weight_decay")) - direction * lr, m * beta2 + g * (1 - beta2)};
    },
    .in_place = {0, 1, -1},
};

}  // namespace rankine
