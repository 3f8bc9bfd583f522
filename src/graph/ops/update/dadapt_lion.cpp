#include <cmath>

#include "graph/ops/ops.h"
#include "graph/ops/update/expression.h"
#include "graph/ops/update/update.h"

namespace rankine {

// Lion with D-Adaptation's step size, as the dadaptation package orders it: the step is taken with the d of before.
// [w, m, s, g, factor, lr, d_rate, rate] -> w', m', s', sums f32 [3]: sum of sign * s, 0, sum |s'|.
// Nothing changes while lr is 0.
constinit const OpDef dadapt_lion_op = {
    .name = "dadapt_lion",
    .infer = [](const Node& n) -> std::vector<Type> {
      check_same_as_first(n, 1, 4);
      check_scalars(n, 4, 8);
      return {n.input(0).type(), n.input(0).type(), n.input(0).type(), {{3}, DType::f32}};
    },
    .flops = [](const Node& n) { return 16.0 * static_cast<double>(n.type().count()); },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const Attributes& a = n.attributes();
          const double beta1 = a.real("beta1"), beta2 = a.real("beta2"), beta_s = std::sqrt(beta2), d_rate = in[6][0];
          for (size_t k = 0; k < 3; ++k) out[k].data() = in[k].data();
          for (int64_t k = 0; k < 3; ++k) out[3][k] = 0;
          if (in[5][0] <= 0) return;
          const double own = d_rate * in[5][0] / in[7][0];
          for (int64_t i = 0; i < in[0].count(); ++i) {
            const double g = in[3][i] * in[4][0], u = beta1 * in[1][i] + (1 - beta1) * g;
            const double sign = u > 0 ? 1 : u < 0 ? -1 : 0;
            out[0][i] = in[0][i] * (1 - own * a.real("weight_decay")) - own * sign;
            out[1][i] = beta2 * in[1][i] + (1 - beta2) * d_rate * g;
            out[2][i] = beta_s * in[2][i] + (1 - beta_s) * d_rate * sign;
            out[3][0] += sign * in[2][i];
            out[3][2] += std::abs(out[2][i]);
          }
        },
    .decompose = [](const Node& n) -> std::vector<Value> {
      using namespace expression;
      const Attributes& a = n.attributes();
      const double beta1 = a.real("beta1"), beta2 = a.real("beta2"), beta_s = std::sqrt(beta2);
      const Value w = n.input(0), m = n.input(1), s = n.input(2), g = n.input(3) * n.input(4), d_rate = n.input(6);
      const Value moves = is_above(n.input(5), 0), zero = number(n.graph(), 0);
      const Value own = d_rate * n.input(5) / n.input(7), direction = sign(m * beta1 + g * (1 - beta1));
      const Value next_s = s * beta_s + direction * (d_rate * (1 - beta_s));
      const Value next_w = w * (1 - own * a.real("weight_decay")) - direction * own;
      return {where(moves, next_w, w), where(moves, m * beta2 + g * (d_rate * (1 - beta2)), m), where(moves, next_s, s),
              vector_of({where(moves, total(direction * s), zero), zero, where(moves, total(abs(next_s)), zero)})};
    },
    .in_place = {0, 1, 2},
};

}  // namespace rankine
