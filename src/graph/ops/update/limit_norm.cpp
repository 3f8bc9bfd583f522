#include <algorithm>
#include <cmath>

#include "graph/ops/ops.h"
#include "graph/ops/update/expression.h"
#include "graph/ops/update/update.h"

namespace rankine {

// Max norm regularisation of one LoRA module (Kohya's scale_weight_norms): where norm = scale * ||up down|| is above
// `limit`, both are multiplied by sqrt(limit / norm).
// [down, up] -> down', up', norm before f32 [].  down: [R, ...], up: [O, R] or [O, R, 1, 1]
constinit const OpDef limit_norm_op = {
    .name = "limit_norm",
    .infer = [](const Node& n) -> std::vector<Type> {
      const Type &down = n.input(0).type(), &up = n.input(1).type();
      check(down.shape.size() >= 2 && up.shape.size() >= 2 && up.count() == up.shape[0] * up.shape[1] &&
                up.shape[1] == down.shape[0],
            "down is ", down, ", up is ", up);
      return {down, up, {}};
    },
    .flops =
        [](const Node& n) {
          const auto rank = static_cast<double>(n.type(0).shape[0]);
          return 2.0 * rank * static_cast<double>(n.type(0).count() + n.type(1).count());
        },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const int64_t rank = in[0].dim(0), inputs = in[0].count() / rank, outputs = in[1].dim(0);
          double square = 0;
          for (int64_t o = 0; o < outputs; ++o)
            for (int64_t i = 0; i < inputs; ++i) {
              double sum = 0;
              for (int64_t r = 0; r < rank; ++r) sum += in[1][o * rank + r] * in[0][r * inputs + i];
              square += sum * sum;
            }
          const double norm = n.attributes().real("scale") * std::sqrt(square), limit = n.attributes().real("limit");
          const double factor = norm > limit ? std::sqrt(limit / norm) : 1;
          for (size_t k = 0; k < 2; ++k)
            for (int64_t i = 0; i < in[k].count(); ++i) out[k][i] = in[k][i] * factor;
          out[2][0] = norm;
        },
    .decompose = [](const Node& n) -> std::vector<Value> {
      using namespace expression;
      const Value down = n.input(0), up = n.input(1);
      const double limit = n.attributes().real("limit");
      const Value rows = reshape(down, {down.dim(0), down.type().count() / down.dim(0)});
      const Value columns = reshape(up, {up.dim(0), up.dim(1)});
      // ||up down||^2 is the sum of (down down^T) times (up^T up), element by element: both are [R, R].
      const Value squares = linear(rows, rows) * n.graph().add(linear_grad_w_op, {columns, columns});
      const Value norm = sqrt(larger(total(squares), 0)) * n.attributes().real("scale");
      const Value one = number(n.graph(), 1);
      const Value factor = where(is_above(norm, limit), sqrt(number(n.graph(), limit) / norm), one);
      return {down * factor, up * factor, norm};
    },
    .in_place = {0, 1, -1},
};

// Statistics of limit_norm: [norm before, of each module] -> the number above the limit, the mean and the largest norm
// afterwards.
constinit const OpDef norm_statistics_op = {
    .name = "norm_statistics",
    .infer = [](const Node& n) -> std::vector<Type> {
      check_scalars(n, 0, static_cast<int>(n.inputs().size()));
      return {{}, {}, {}};
    },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const double limit = n.attributes().real("limit");
          out[0][0] = out[1][0] = out[2][0] = 0;
          for (const HostTensor& norm : in) {
            out[0][0] += norm[0] > limit ? 1 : 0;
            out[1][0] += std::min(norm[0], limit) / static_cast<double>(in.size());
            out[2][0] = std::max(out[2][0], std::min(norm[0], limit));
          }
        },
    .decompose = [](const Node& n) -> std::vector<Value> {
      using namespace expression;
      const double limit = n.attributes().real("limit");
      Value count = number(n.graph(), 0), sum = count, largest = count;
      for (const Value& norm : n.inputs()) {
        const Value after = smaller(norm, limit);
        count = count + is_above(norm, limit);
        sum = sum + after;
        largest = larger(largest, after);
      }
      return {count, sum / static_cast<double>(n.inputs().size()), largest};
    },
};

}  // namespace rankine
