#include "graph/ops/ops.h"
#include "graph/ops/update/expression.h"
#include "graph/ops/update/update.h"

namespace rankine {

// Nesterov's momentum as torch.optim.SGD(nesterov=True) orders it; weight decay is part of the gradient.
// [w, m, g, factor, lr] -> w', m'.  factor, lr: f32 []; g is multiplied by factor first.
constinit const OpDef sgd_nesterov_op = {
    .name = "sgd_nesterov",
    .infer = [](const Node& n) -> std::vector<Type> {
      check_same_as_first(n, 1, 3);
      check_scalars(n, 3, 5);
      return {n.input(0).type(), n.input(0).type()};
    },
    .flops = [](const Node& n) { return 9.0 * static_cast<double>(n.type().count()); },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const double momentum = n.attributes().real("momentum"), weight_decay = n.attributes().real("weight_decay");
          for (int64_t i = 0; i < in[0].count(); ++i) {
            const double g = in[2][i] * in[3][0] + weight_decay * in[0][i], m = momentum * in[1][i] + g;
            out[0][i] = in[0][i] - in[4][0] * (g + momentum * m);
            out[1][i] = m;
          }
        },
    .decompose = [](const Node& n) -> std::vector<Value> {
      using namespace expression;
      const double momentum = n.attributes().real("momentum"), weight_decay = n.attributes().real("weight_decay");
      const Value w = n.input(0), g = n.input(2) * n.input(3) + w * weight_decay;
      const Value m = n.input(1) * momentum + g;
      return {w - (g + m * momentum) * n.input(4), m};
    },
    .in_place = {0, 1, -1},
};

}  // namespace rankine
