#include <algorithm>
#include <cmath>

#include "graph/ops/ops.h"
#include "graph/ops/update/expression.h"
#include "graph/ops/update/update.h"

namespace rankine {
namespace {

struct Rectification {
  Value tractable;  ///< 1 where the factor is defined, else 0
  Value factor;
};
/// rectification(beta2, step) of the end of this file, as an expression.
Rectification rectification(double beta2, Value step) {
  using namespace expression;
  const double longest = 2 / (1 - beta2) - 1;
  const Value kept = power(beta2, step), length = longest - step * kept * 2 / (1 - kept);
  const Value squared = (length - 4) * (length - 2) * (longest / ((longest - 4) * (longest - 2))) / length;
  return {is_above(length, 4), sqrt(squared)};
}

}  // namespace

// Schedule-free learning (Defazio et al. 2024, arXiv:2405.15682), as the schedulefree package orders it. Gradients are
// taken at weights y, which lie between a plain sequence z and its weighted average x:  y = beta x + (1 - beta) z.
// The state is the difference z - y, so that it starts as zeros:  x = y + (1 - 1 / beta) (z - y).

// One group's rate, and the weight of the newest z in the average.
// [lr_max, weight_sum, lr, step] -> lr_max', weight_sum', weight, rate.  All f32 [].
// rate = lr, warmed up over warmup_steps. With rectify it is multiplied by RAdam's factor for beta2 (Liu et al. 2019,
// arXiv:1908.03265), or by `early_factor` while the variance is not tractable.
constinit const OpDef schedule_free_weight_op = {
    .name = "schedule_free_weight",
    .infer = [](const Node& n) -> std::vector<Type> {
      check_scalars(n, 0, 4);
      return {{}, {}, {}, {}};
    },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const Attributes& a = n.attributes();
          const double step = in[3][0], warmup = a.real("warmup_steps");
          double rate = in[2][0];
          if (step <= warmup) rate *= step / warmup;
          if (a.integer("rectify")) rate *= rectification(a.real("beta2"), step).value_or(a.real("early_factor"));
          out[0][0] = std::max(in[0][0], rate);
          const double weight = std::pow(step, a.real("r")) * std::pow(out[0][0], a.real("weight_lr_power"));
          out[1][0] = in[1][0] + weight;
          out[2][0] = out[1][0] == 0 ? 0 : weight / out[1][0];
          out[3][0] = rate;
        },
    .decompose = [](const Node& n) -> std::vector<Value> {
      using namespace expression;
      const Attributes& a = n.attributes();
      const double warmup = a.real("warmup_steps");
      const Value lr_max = n.input(0), step = n.input(3);
      Value rate = n.input(2);
      if (warmup > 0) rate = rate * smaller(step / warmup, 1);
      if (a.integer("rectify")) {
        const Rectification r = rectification(a.real("beta2"), step);
        rate = rate * where(r.tractable, r.factor, number(n.graph(), a.real("early_factor")));
      }
      const Value largest = larger(lr_max, rate);
      const Value weight = power(step, a.real("r")) * power(largest, a.real("weight_lr_power"));
      const Value sum = n.input(1) + weight;
      return {largest, sum, where(is_above(abs(sum), 0), weight / sum, number(n.graph(), 0)), rate};
    },
};

// [y, z - y, v, g, factor, rate, weight, step] -> y', z' - y', v'.  With rectify the gradient is not normalised while
// the variance is not tractable.
constinit const OpDef adamw_schedule_free_op = {
    .name = "adamw_schedule_free",
    .infer = [](const Node& n) -> std::vector<Type> {
      check_same_as_first(n, 1, 4);
      check_scalars(n, 4, 8);
      return {n.input(0).type(), n.input(0).type(), n.input(0).type()};
    },
    .flops = [](const Node& n) { return 18.0 * static_cast<double>(n.type().count()); },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const Attributes& a = n.attributes();
          const double beta1 = a.real("beta1"), beta2 = a.real("beta2"), step = in[7][0];
          const double rate = in[5][0], rest = 1 - in[6][0], correction = 1 - std::pow(beta2, step);
          const bool normalised = !a.integer("rectify") || rectification(beta2, step);
          for (int64_t i = 0; i < in[0].count(); ++i) {
            double g = in[3][i] * in[4][0];
            out[2][i] = beta2 * in[2][i] + (1 - beta2) * g * g;
            if (normalised) g /= std::sqrt(out[2][i] / correction) + a.real("eps");
            g += a.real("weight_decay") * in[0][i];
            out[0][i] = in[0][i] + in[6][0] * in[1][i] + rate * (beta1 * rest - 1) * g;
            out[1][i] = rest * (in[1][i] - rate * beta1 * g);
          }
        },
    .decompose = [](const Node& n) -> std::vector<Value> {
      using namespace expression;
      const Attributes& a = n.attributes();
      const double beta1 = a.real("beta1"), beta2 = a.real("beta2");
      const Value y = n.input(0), z_minus_y = n.input(1), rate = n.input(5), weight = n.input(6), step = n.input(7);
      const Value rest = 1 - weight, raw = n.input(3) * n.input(4);
      const Value v = n.input(2) * beta2 + square(raw) * (1 - beta2);
      const Value normalised = raw / (sqrt(v / (1 - power(beta2, step))) + a.real("eps"));
      const Value direction =
          a.integer("rectify") ? where(rectification(beta2, step).tractable, normalised, raw) : normalised;
      const Value g = direction + y * a.real("weight_decay");
      return {y + z_minus_y * weight + g * (rate * (rest * beta1 - 1)), (z_minus_y - g * (rate * beta1)) * rest, v};
    },
    .in_place = {0, 1, 2},
};

// [y, z - y, g, factor, rate, weight] -> y', z' - y'
constinit const OpDef sgd_schedule_free_op = {
    .name = "sgd_schedule_free",
    .infer = [](const Node& n) -> std::vector<Type> {
      check_same_as_first(n, 1, 3);
      check_scalars(n, 3, 6);
      return {n.input(0).type(), n.input(0).type()};
    },
    .flops = [](const Node& n) { return 11.0 * static_cast<double>(n.type().count()); },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const double beta = n.attributes().real("momentum"), rate = in[4][0], rest = 1 - in[5][0];
          for (int64_t i = 0; i < in[0].count(); ++i) {
            const double g = in[2][i] * in[3][0] + n.attributes().real("weight_decay") * in[0][i];
            out[0][i] = in[0][i] + in[5][0] * in[1][i] + rate * (beta * rest - 1) * g;
            out[1][i] = rest * (in[1][i] - rate * beta * g);
          }
        },
    .decompose = [](const Node& n) -> std::vector<Value> {
      using namespace expression;
      const double beta = n.attributes().real("momentum");
      const Value y = n.input(0), z_minus_y = n.input(1), rate = n.input(4), weight = n.input(5);
      const Value rest = 1 - weight, g = n.input(2) * n.input(3) + y * n.attributes().real("weight_decay");
      return {y + z_minus_y * weight + g * (rate * (rest * beta - 1)), (z_minus_y - g * (rate * beta)) * rest};
    },
    .in_place = {0, 1, -1},
};

std::optional<double> rectification(double beta2, double step) {
  const double power = std::pow(beta2, step), longest = 2 / (1 - beta2) - 1;
  const double length = longest - 2 * step * power / (1 - power);
  if (length <= 4) return std::nullopt;
  return std::sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length));
}

}  // namespace rankine
