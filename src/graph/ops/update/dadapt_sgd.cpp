#include <cmath>

#include "graph/ops/ops.h"
#include "graph/ops/update/expression.h"
#include "graph/ops/update/update.h"

namespace rankine {

// D-Adapted SGD (Defazio & Mishchenko 2023, arXiv:2301.07733, algorithm 4), as the dadaptation package orders it.
// All steps are divided by the norm g0 of the first gradient. It is taken in the first update that changes weights (k
// is 0), over the parameters whose lr is not 0.
// [g0, k, d_rate, factor, then g and lr of each parameter] -> g0', step size d_rate / g0'.  All f32 [] but the g.
constinit const OpDef dadapt_sgd_rate_op = {
    .name = "dadapt_sgd_rate",
    .infer = [](const Node& n) -> std::vector<Type> {
      check_scalars(n, 0, 4);
      for (int i = 5; i < static_cast<int>(n.inputs().size()); i += 2) check_scalars(n, i, i + 1);
      return {{}, {}};
    },
    .reference =
        [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
          double squares = 0;
          for (size_t i = 4; i + 1 < in.size(); i += 2)
            for (const double g : in[i].data()) squares += in[i + 1][0] > 0 ? std::pow(g * in[3][0], 2) : 0;
          out[0][0] = in[1][0] > 0 ? in[0][0] : std::sqrt(squares);
          out[1][0] = out[0][0] > 0 ? in[2][0] / out[0][0] : 0;
        },
    .decompose = [](const Node& n) -> std::vector<Value> {
      using namespace expression;
      const Value g0 = n.input(0), k = n.input(1), zero = number(n.graph(), 0);
      Value squares = zero;
      for (size_t i = 4; i + 1 < n.inputs().size(); i += 2) {
        const Value size = total(square(n.inputs()[i] * n.input(3)));
        squares = squares + where(is_above(n.inputs()[i + 1], 0), size, zero);
      }
      const Value next = where(is_above(k, 0), g0, sqrt(squares));
      return {next, where(is_above(next, 0), n.input(2) / next, zero)};
    },
};

// The step is taken with the d of before: s' = s + own g, w' = momentum w + (1 - momentum) (w0 - s'), own being the
// step size times the group's share lr / rate.  weight_decay is added to the gradient. Nothing changes while lr is 0.
// [w, s, w0, g, factor, lr, step size, rate] -> w', s', sums f32 [3]: own * sum g s, 0, sum s'^2.  w0: f32 [count of w]
constinit const OpDef dadapt_sgd_op = {
    .name = "dadapt_sgd",
    .infer = [](const Node& n) -> std::vector<Type> {
      check_same_as_first(n, 1, 2);
      check_same_as_first(n, 3, 4);
      check(n.input(2).type() == Type{{n.input(0).type().count()}, DType::f32}, "w0 is ", n.input(2).type());
      check_scalars(n, 4, 8);
      return {n.input(0).type(), n.input(0).type(), {{3}, DType::f32}};
    },
    .flops = [](const Node& n) { return 12.0 * static_cast<double>(n.type().count()); },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const double momentum = n.attributes().real("momentum"), decay = n.attributes().real("weight_decay");
          for (size_t k = 0; k < 2; ++k) out[k].data() = in[k].data();
          for (int64_t k = 0; k < 3; ++k) out[2][k] = 0;
          if (in[5][0] <= 0) return;
          const double own = in[6][0] * in[5][0] / in[7][0];
          for (int64_t i = 0; i < in[0].count(); ++i) {
            const double g = in[3][i] * in[4][0] + decay * in[0][i];
            out[2][0] += own * g * in[1][i];
            out[1][i] = in[1][i] + own * g;
            out[2][2] += out[1][i] * out[1][i];
            out[0][i] = momentum * in[0][i] + (1 - momentum) * (in[2][i] - out[1][i]);
          }
        },
    .decompose = [](const Node& n) -> std::vector<Value> {
      using namespace expression;
      const double momentum = n.attributes().real("momentum"), decay = n.attributes().real("weight_decay");
      const Value w = n.input(0), s = n.input(1), w0 = reshape(n.input(2), w.shape()), lr = n.input(5);
      const Value moves = is_above(lr, 0), zero = number(n.graph(), 0);
      const Value own = n.input(6) * lr / n.input(7), g = n.input(3) * n.input(4) + w * decay;
      const Value next_s = s + g * own, next_w = w * momentum + (w0 - next_s) * (1 - momentum);
      return {where(moves, next_w, w), where(moves, next_s, s),
              vector_of({where(moves, total(g * s) * own, zero), zero, where(moves, total(square(next_s)), zero)})};
    },
    .in_place = {0, 1, -1},
};

}  // namespace rankine
