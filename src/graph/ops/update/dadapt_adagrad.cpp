#include <cmath>

#include "graph/ops/ops.h"
#include "graph/ops/update/expression.h"
#include "graph/ops/update/update.h"

namespace rankine {

// D-Adapted AdaGrad (Defazio & Mishchenko 2023, arXiv:2301.07733, algorithm 2), as the dadaptation package orders it:
// the step is taken with the d of before. With a = 1e-6 + all squares so far and own = d_rate * lr / rate:
// s' = s + own g,  w' = momentum w + (1 - momentum) (w0 - s' / (sqrt(a') + eps)).  The squares are summed even while lr
// is 0, and then w follows them, as in that package.  weight_decay is added to the gradient.
// [w, s, squares, w0, g, factor, lr, d_rate, rate] -> w', s', squares', sums f32 [3]: own^2 sum g^2 / (sqrt(a') + eps),
// sum s'^2 / (sqrt(a') + eps), sum |s'|.  w0: f32 [count of w]
constinit const OpDef dadapt_adagrad_op = {
    .name = "dadapt_adagrad",
    .infer = [](const Node& n) -> std::vector<Type> {
      check_same_as_first(n, 1, 3);
      check_same_as_first(n, 4, 5);
      check(n.input(3).type() == Type{{n.input(0).type().count()}, DType::f32}, "w0 is ", n.input(3).type());
      check_scalars(n, 5, 9);
      return {n.input(0).type(), n.input(0).type(), n.input(0).type(), {{3}, DType::f32}};
    },
    .flops = [](const Node& n) { return 22.0 * static_cast<double>(n.type().count()); },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const Attributes& a = n.attributes();
          const double momentum = a.real("momentum"), decay = a.real("weight_decay"), eps = a.real("eps");
          const double own = in[8][0] > 0 ? in[7][0] * in[6][0] / in[8][0] : 0;
          for (int64_t k = 0; k < 3; ++k) out[3][k] = 0;
          for (int64_t i = 0; i < in[0].count(); ++i) {
            const double g = in[4][i] * in[5][0] + decay * in[0][i];
            out[1][i] = in[1][i] + own * g;
            out[2][i] = in[2][i] + g * g;
            const double below = std::sqrt(dadapt_adagrad_start + out[2][i]) + eps;
            out[3][0] += own * own * g * g / below;
            out[3][1] += out[1][i] * out[1][i] / below;
            out[3][2] += std::abs(out[1][i]);
            out[0][i] = momentum * in[0][i] + (1 - momentum) * (in[3][i] - out[1][i] / below);
          }
        },
    .decompose = [](const Node& n) -> std::vector<Value> {
      using namespace expression;
      const Attributes& a = n.attributes();
      const double momentum = a.real("momentum");
      const Value w = n.input(0), w0 = reshape(n.input(3), w.shape()), rate = n.input(8);
      const Value own = where(is_above(rate, 0), n.input(7) * n.input(6) / rate, number(n.graph(), 0));
      const Value g = n.input(4) * n.input(5) + w * a.real("weight_decay");
      const Value s = n.input(1) + g * own, squares = n.input(2) + square(g);
      const Value below = sqrt(squares + dadapt_adagrad_start) + a.real("eps");
      return {w * momentum + (w0 - s / below) * (1 - momentum), s, squares,
              vector_of({total(square(g) / below) * square(own), total(square(s) / below), total(abs(s))})};
    },
    .in_place = {0, 1, 2},
};

}  // namespace rankine
