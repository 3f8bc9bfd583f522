#include <cmath>

#include "graph/ops/ops.h"
#include "graph/ops/update/expression.h"

namespace rankine {

// Adam with decoupled weight decay (Loshchilov & Hutter 2017, arXiv:1711.05101), as torch.optim.AdamW orders it.
// [w, m, v, g, factor, lr, step] -> w', m', v'.  factor, lr, step: f32 []; g is multiplied by factor first; step counts
// from 1.
constinit const OpDef adamw_op = {
    .name = "adamw",
    .infer = [](const Node& n) -> std::vector<Type> {
      for (int i = 1; i < 4; ++i)
        check(n.input(i).type() == n.input(0).type(), "weight ", n.input(0).type(), ", state or gradient ",
              n.input(i).type());
      return {n.input(0).type(), n.input(0).type(), n.input(0).type()};
    },
    .flops = [](const Node& n) { return 15.0 * static_cast<double>(n.type().count()); },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const double beta1 = n.attributes().real("beta1"), beta2 = n.attributes().real("beta2");
          const double eps = n.attributes().real("eps"), weight_decay = n.attributes().real("weight_decay");
          const double factor = in[4][0], lr = in[5][0], step = in[6][0];
          const double correction1 = 1.0 - std::pow(beta1, step), correction2 = 1.0 - std::pow(beta2, step);
          for (int64_t i = 0; i < in[0].count(); ++i) {
            const double g = in[3][i] * factor;
            const double m = beta1 * in[1][i] + (1.0 - beta1) * g, v = beta2 * in[2][i] + (1.0 - beta2) * g * g;
            out[0][i] = in[0][i] * (1.0 - lr * weight_decay) -
                        lr / correction1 * m / (std::sqrt(v) / std::sqrt(correction2) + eps);
            out[1][i] = m;
            out[2][i] = v;
          }
        },
    .decompose = [](const Node& n) -> std::vector<Value> {
      using namespace expression;
      const Attributes& a = n.attributes();
      const double beta1 = a.real("beta1"), beta2 = a.real("beta2");
      const Value w = n.input(0), lr = n.input(5), step = n.input(6), g = n.input(3) * n.input(4);
      const Value correction1 = 1 - power(beta1, step), correction2 = 1 - power(beta2, step);
      const Value m = n.input(1) * beta1 + g * (1 - beta1), v = n.input(2) * beta2 + square(g) * (1 - beta2);
      const Value update = m / (sqrt(v) / sqrt(correction2) + a.real("eps"));
      return {w * (1 - lr * a.real("weight_decay")) - update * (lr / correction1), m, v};
    },
    .in_place = {0, 1, 2},
};

}  // namespace rankine
