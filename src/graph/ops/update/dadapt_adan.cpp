#include "graph/ops/ops.h"
#include "graph/ops/update/expression.h"
#include "graph/ops/update/update.h"

namespace rankine {

// The averaged change of the gradient in D-Adapted Adan (Xie et al. 2022, arXiv:2208.06677); in the first step (k is 0)
// there is none. Nothing changes while lr is 0.
// [average, previous g, g, factor, lr, d_rate, rate, k] -> average', previous g'
constinit const OpDef dadapt_adan_difference_op = {
    .name = "dadapt_adan_difference",
    .infer = [](const Node& n) -> std::vector<Type> {
      check_same_as_first(n, 1, 3);
      check_scalars(n, 3, 8);
      return {n.input(0).type(), n.input(0).type()};
    },
    .flops = [](const Node& n) { return 5.0 * static_cast<double>(n.type().count()); },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const double beta = n.attributes().real("beta"), lr = in[4][0];
          for (int64_t i = 0; i < in[0].count(); ++i) {
            const double g = in[2][i] * in[3][0], change = in[7][0] > 0 ? g - in[1][i] : 0;
            out[0][i] = lr > 0 ? beta * in[0][i] + in[5][0] * lr / in[6][0] * (1 - beta) * change : in[0][i];
            out[1][i] = lr > 0 ? g : in[1][i];
          }
        },
    .decompose = [](const Node& n) -> std::vector<Value> {
      using namespace expression;
      const double beta = n.attributes().real("beta");
      const Value average = n.input(0), previous = n.input(1), g = n.input(2) * n.input(3), lr = n.input(4);
      const Value moves = is_above(lr, 0), own = n.input(5) * lr / n.input(6) * (1 - beta);
      const Value change = where(is_above(n.input(7), 0), g - previous, number(n.graph(), 0));
      return {where(moves, average * beta + change * own, average), where(moves, g, previous)};
    },
    .in_place = {0, 1, -1},
};

}  // namespace rankine
