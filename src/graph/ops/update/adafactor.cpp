#include <algorithm>
#include <cmath>

#include "graph/ops/ops.h"
#include "graph/ops/update/expression.h"
#include "graph/ops/update/update.h"

namespace rankine {
namespace {

// The share of the second moment that is kept: 1 - t^decay_rate (section 7.2 of the paper).
double kept(const Node& n, double step) { return 1 - std::pow(step, n.attributes().real("decay_rate")); }

double root_mean_square(const HostTensor& x) {
  double sum = 0;
  for (const double value : x.data()) sum += value * value;
  return std::sqrt(sum / static_cast<double>(x.count()));
}

}  // namespace

// Adafactor (Shazeer & Stern 2018, arXiv:1804.04235), as transformers' Adafactor orders it: the direction with a
// second moment factored over the last two dimensions (algorithm 4), or a full one; then the step (algorithm 5).
// [row, column, g, factor, step] -> row', column', direction.  g: [..., R, C], row: [..., R], column: [..., C]
constinit const OpDef adafactor_factored_op = {
    .name = "adafactor_factored",
    .infer = [](const Node& n) -> std::vector<Type> {
      const Type& g = n.input(2).type();
      check(g.shape.size() >= 2, "a gradient with two dimensions is expected, got ", g);
      Shape row = g.shape, column = g.shape;
      row.pop_back();
      column.erase(column.end() - 2);
      check(n.input(0).shape() == row && n.input(1).shape() == column, "gradient ", g, " with row moments ",
            n.input(0).type(), ", column moments ", n.input(1).type());
      check_scalars(n, 3, 5);
      return {n.input(0).type(), n.input(1).type(), g};
    },
    .flops = [](const Node& n) { return 6.0 * static_cast<double>(n.type(2).count()); },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const double keep = kept(n, in[4][0]), eps = n.attributes().real("eps");
          const int64_t rows = in[2].dim(-2), columns = in[2].dim(-1), matrices = in[2].count() / (rows * columns);
          for (int64_t b = 0; b < matrices; ++b) {
            const auto at = [&](int64_t r, int64_t c) { return (b * rows + r) * columns + c; };
            const auto squared = [&](int64_t r, int64_t c) { return std::pow(in[2][at(r, c)] * in[3][0], 2) + eps; };
            double row_sum = 0;
            for (int64_t r = 0; r < rows; ++r) {
              double sum = 0;
              for (int64_t c = 0; c < columns; ++c) sum += squared(r, c);
              const int64_t i = b * rows + r;
              out[0][i] = keep * in[0][i] + (1 - keep) * sum / static_cast<double>(columns);
              row_sum += out[0][i];
            }
            for (int64_t c = 0; c < columns; ++c) {
              double sum = 0;
              for (int64_t r = 0; r < rows; ++r) sum += squared(r, c);
              const int64_t i = b * columns + c;
              out[1][i] = keep * in[1][i] + (1 - keep) * sum / static_cast<double>(rows);
            }
            for (int64_t r = 0; r < rows; ++r)
              for (int64_t c = 0; c < columns; ++c)
                out[2][at(r, c)] =
                    in[2][at(r, c)] * in[3][0] /
                    std::sqrt(out[0][b * rows + r] / (row_sum / static_cast<double>(rows)) * out[1][b * columns + c]);
          }
        },
    .decompose = [](const Node& n) -> std::vector<Value> {
      using namespace expression;
      const Value g = n.input(2) * n.input(3), squares = square(g) + n.attributes().real("eps");
      const Value fresh = power(n.input(4), n.attributes().real("decay_rate")), keep = 1 - fresh;
      Shape row_shape = g.shape(), column_shape = g.shape(), matrix_shape = g.shape();
      const auto rows = static_cast<double>(g.dim(-2)), columns = static_cast<double>(g.dim(-1));
      row_shape[row_shape.size() - 1] = column_shape[row_shape.size() - 2] = 1;
      matrix_shape[row_shape.size() - 1] = matrix_shape[row_shape.size() - 2] = 1;
      const Value row = reshape(n.input(0), row_shape) * keep + sum_to(squares, row_shape) * (1 / columns) * fresh;
      const Value column =
          reshape(n.input(1), column_shape) * keep + sum_to(squares, column_shape) * (1 / rows) * fresh;
      const Value mean_row = sum_to(row, matrix_shape) * (1 / rows);
      const Value direction = g / sqrt(row / mean_row) / sqrt(column);
      return {reshape(row, n.input(0).shape()), reshape(column, n.input(1).shape()), direction};
    },
    .in_place = {0, 1, -1},
};

// [v, g, factor, step] -> v', direction
constinit const OpDef adafactor_unfactored_op = {
    .name = "adafactor_unfactored",
    .infer = [](const Node& n) -> std::vector<Type> {
      check_same_as_first(n, 1, 2);
      check_scalars(n, 2, 4);
      return {n.input(0).type(), n.input(0).type()};
    },
    .flops = [](const Node& n) { return 6.0 * static_cast<double>(n.type().count()); },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const double keep = kept(n, in[3][0]), eps = n.attributes().real("eps");
          for (int64_t i = 0; i < in[0].count(); ++i) {
            const double g = in[1][i] * in[2][0];
            out[0][i] = keep * in[0][i] + (1 - keep) * (g * g + eps);
            out[1][i] = g / std::sqrt(out[0][i]);
          }
        },
    .decompose = [](const Node& n) -> std::vector<Value> {
      using namespace expression;
      const Value g = n.input(1) * n.input(2), fresh = power(n.input(3), n.attributes().real("decay_rate"));
      const Value v = n.input(0) * (1 - fresh) + (square(g) + n.attributes().real("eps")) * fresh;
      return {v, g / sqrt(v)};
    },
    .in_place = {0, -1, -1},
};

// The direction is clipped to a root mean square of clip_threshold. With relative_step the given rate is replaced by
// min(1 / sqrt(t), 1e-2), with warmup_init by min(1 / sqrt(t), 1e-6 t). With scale_parameter the rate is multiplied by
// the weight's root mean square, at least eps. Without a first moment m (beta1 < 0), m' is a single 0.
// [w, direction, lr, step, m or none] -> w', m', the rate used f32 []
constinit const OpDef adafactor_step_op = {
    .name = "adafactor_step",
    .infer = [](const Node& n) -> std::vector<Type> {
      const bool first_moment = n.attributes().real("beta1") >= 0;
      check_same_as_first(n, 1, 2);
      check_scalars(n, 2, 4);
      if (first_moment) check_same_as_first(n, 4, 5);
      return {n.input(0).type(), first_moment ? n.input(0).type() : Type{}, {}};
    },
    .flops = [](const Node& n) { return 8.0 * static_cast<double>(n.type().count()); },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const Attributes& a = n.attributes();
          const double beta1 = a.real("beta1"), weight_decay = a.real("weight_decay"), step = in[3][0];
          double rate = in[2][0];
          if (a.integer("relative_step"))
            rate = std::min(a.integer("warmup_init") ? 1e-6 * step : 1e-2, 1 / std::sqrt(step));
          if (a.integer("scale_parameter")) rate *= std::max(a.real("eps"), root_mean_square(in[0]));
          const double clip = std::max(1.0, root_mean_square(in[1]) / a.real("clip_threshold"));
          for (int64_t i = 0; i < in[0].count(); ++i) {
            double update = in[1][i] / clip * rate;
            if (beta1 >= 0) update = out[1][i] = beta1 * in[4][i] + (1 - beta1) * update;
            out[0][i] = in[0][i] * (1 - weight_decay * rate) - update;
          }
          out[2][0] = rate;
        },
    .decompose = [](const Node& n) -> std::vector<Value> {
      using namespace expression;
      const Attributes& a = n.attributes();
      const double beta1 = a.real("beta1");
      const Value w = n.input(0), direction = n.input(1), step = n.input(3);
      const auto mean_square = [](Value x) { return total(square(x)) * (1 / static_cast<double>(x.type().count())); };
      Value rate = n.input(2);
      if (a.integer("relative_step")) {
        const Value most = a.integer("warmup_init") ? step * 1e-6 : number(n.graph(), 1e-2);
        rate = smaller(number(n.graph(), 1) / sqrt(step), most);
      }
      if (a.integer("scale_parameter")) rate = rate * larger(sqrt(mean_square(w)), a.real("eps"));
      const Value clip = larger(sqrt(mean_square(direction)) / a.real("clip_threshold"), 1);
      Value update = direction * (rate / clip), m = number(n.graph(), 0);
      if (beta1 >= 0) update = m = n.input(4) * beta1 + update * (1 - beta1);
      return {w * (1 - rate * a.real("weight_decay")) - update, m, rate};
    },
    .in_place = {0, 4, -1},
};

}  // namespace rankine
