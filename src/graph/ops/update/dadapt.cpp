#include <algorithm>
#include <cmath>

#include "graph/ops/ops.h"
#include "graph/ops/update/expression.h"
#include "graph/ops/update/update.h"

namespace rankine {

// D-Adaptation (Defazio & Mishchenko 2023, arXiv:2301.07733): the new distance d from the sums of all parameters.
// [d, weighted, k, d_rate, rate, sums of each parameter ...] -> d', weighted', k'.  All f32 [], sums f32 [3].
// With A, B, C the totals of the sums:  weighted' = keep * weighted + gain * d_rate^power * A,
// d_hat = (from_b * B + from_weighted * weighted') / C, or / sqrt(C) with root;  the methods differ in these factors.
// Without progress (C or rate is 0) nothing changes.
constinit const OpDef dadapt_distance_op = {
    .name = "dadapt_distance",
    .infer = [](const Node& n) -> std::vector<Type> {
      check_scalars(n, 0, 5);
      return {{}, {}, {}};
    },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const Attributes& a = n.attributes();
          double sums[3] = {};
          for (size_t i = 5; i < in.size(); ++i)
            for (int64_t k = 0; k < 3; ++k) sums[k] += in[i][k];
          for (size_t k = 0; k < 3; ++k) out[k][0] = in[k][0];
          if (sums[2] == 0 || in[4][0] <= 0) return;
          out[1][0] = a.real("keep") * in[1][0] + a.real("gain") * std::pow(in[3][0], a.real("power")) * sums[0];
          const double below = a.integer("root") ? std::sqrt(sums[2]) : sums[2];
          const double d_hat = (a.real("from_b") * sums[1] + a.real("from_weighted") * out[1][0]) / below;
          out[0][0] = std::max(in[0][0], std::min(d_hat, in[0][0] * a.real("growth_rate")));
          out[2][0] += 1;
        },
    .decompose = [](const Node& n) -> std::vector<Value> {
      using namespace expression;
      const Attributes& a = n.attributes();
      const Value d = n.input(0), weighted = n.input(1), k = n.input(2), d_rate = n.input(3), rate = n.input(4);
      Value sums = n.input(5);
      for (size_t i = 6; i < n.inputs().size(); ++i) sums = sums + n.inputs()[i];
      const Value third = element(sums, 2), below = a.integer("root") ? sqrt(third) : third;
      const Value moves = is_above(abs(third), 0) * is_above(rate, 0);
      const Value gained = power(d_rate, a.real("power")) * element(sums, 0) * a.real("gain");
      const Value next = weighted * a.real("keep") + gained;
      const Value d_hat = (element(sums, 1) * a.real("from_b") + next * a.real("from_weighted")) / below;
      return {where(moves, larger(d, smaller(d_hat, d * a.real("growth_rate"))), d), where(moves, next, weighted),
              where(moves, k + 1, k)};
    },
};

// Moments of D-Adapted Adam and Adan (Xie et al. 2022, arXiv:2208.06677), as the dadaptation package orders them.
// [m, v, s, w, g, factor, lr, d_rate, rate, and for Adan: previous g, k] -> m', v', s', sums f32 [3].
// The second moment is of g, for Adan of g + difference * (g - previous g). sums[2] = sum |s'|. With from_products
// sums[0] = sum g s / (sqrt(v) + eps), before the update; else sums[0], sums[1] = sum g^2, s'^2 / (sqrt(v') + eps).
// weight_decay is added to the gradient. Nothing changes while lr is 0.
constinit const OpDef dadapt_adam_moments_op = {
    .name = "dadapt_adam_moments",
    .infer = [](const Node& n) -> std::vector<Type> {
      check_same_as_first(n, 1, 5);
      check_scalars(n, 5, 9);
      if (n.inputs().size() > 9) {
        check_same_as_first(n, 9, 10);
        check_scalars(n, 10, 11);
      }
      return {n.input(0).type(), n.input(1).type(), n.input(2).type(), {{3}, DType::f32}};
    },
    .flops = [](const Node& n) { return 22.0 * static_cast<double>(n.type().count()); },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const Attributes& a = n.attributes();
          const double beta1 = a.real("beta1"), beta2 = a.real("beta2"), beta_s = a.real("beta_s"), eps = a.real("eps");
          const bool from_products = a.integer("from_products");
          const double d_rate = in[7][0];
          for (size_t k = 0; k < 3; ++k) out[k].data() = in[k].data();
          for (int64_t k = 0; k < 3; ++k) out[3][k] = 0;
          if (in[6][0] <= 0) return;
          for (int64_t i = 0; i < in[0].count(); ++i) {
            const double g = in[4][i] * in[5][0] + a.real("weight_decay") * in[3][i];
            const double change = in.size() > 9 && in[10][0] > 0 ? g - in[9][i] : 0;
            const double squared = std::pow(g + a.real("difference") * change, 2);
            if (from_products) out[3][0] += g * in[2][i] / (std::sqrt(in[1][i]) + eps);
            out[0][i] = beta1 * in[0][i] + d_rate * in[6][0] / in[8][0] * (1 - beta1) * g;
            out[1][i] = beta2 * in[1][i] + (1 - beta2) * squared;
            out[2][i] = beta_s * in[2][i] + d_rate * (1 - beta_s) * g;
            if (!from_products) {
              out[3][0] += g * g / (std::sqrt(out[1][i]) + eps);
              out[3][1] += out[2][i] * out[2][i] / (std::sqrt(out[1][i]) + eps);
            }
            out[3][2] += std::abs(out[2][i]);
          }
        },
    .decompose = [](const Node& n) -> std::vector<Value> {
      using namespace expression;
      const Attributes& a = n.attributes();
      const double beta1 = a.real("beta1"), beta2 = a.real("beta2"), beta_s = a.real("beta_s"), eps = a.real("eps");
      const Value m = n.input(0), v = n.input(1), s = n.input(2), w = n.input(3), lr = n.input(6), d_rate = n.input(7);
      const Value moves = is_above(lr, 0), zero = number(n.graph(), 0);
      const Value g = n.input(4) * n.input(5) + w * a.real("weight_decay");
      Value ahead = g;
      if (n.inputs().size() > 9)
        ahead = where(is_above(n.input(10), 0), g + (g - n.input(9)) * a.real("difference"), g);
      const Value next_m = m * beta1 + g * (d_rate * lr / n.input(8) * (1 - beta1));
      const Value next_v = v * beta2 + square(ahead) * (1 - beta2);
      const Value next_s = s * beta_s + g * (d_rate * (1 - beta_s));
      Value first = zero, second = zero;
      if (a.integer("from_products")) {
        first = total(g * s / (sqrt(v) + eps));
      } else {
        const Value below = sqrt(next_v) + eps;
        first = total(square(g) / below);
        second = total(square(next_s) / below);
      }
      return {
          where(moves, next_m, m), where(moves, next_v, v), where(moves, next_s, s),
          vector_of({where(moves, first, zero), where(moves, second, zero), where(moves, total(abs(next_s)), zero)})};
    },
    .in_place = {0, 1, 2},
};

// [w, m', v', lr, d_rate, rate, and for Adan: average difference'] -> w'.  weight_decay is decoupled: a product before
// the step, or with `proximal` a division after it. Nothing changes while lr is 0.
constinit const OpDef dadapt_adam_step_op = {
    .name = "dadapt_adam_step",
    .infer = [](const Node& n) -> std::vector<Type> {
      check_same_as_first(n, 1, 3);
      check_scalars(n, 3, 6);
      if (n.inputs().size() > 6) check_same_as_first(n, 6, 7);
      return {n.input(0).type()};
    },
    .flops = [](const Node& n) { return 7.0 * static_cast<double>(n.type().count()); },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const Attributes& a = n.attributes();
          out[0].data() = in[0].data();
          if (in[3][0] <= 0) return;
          const double decay = a.real("weight_decay") * in[4][0] * in[3][0] / in[5][0];
          for (int64_t i = 0; i < in[0].count(); ++i) {
            const double m = in[1][i] + (in.size() > 6 ? a.real("difference") * in[6][i] : 0);
            const double update = m / (std::sqrt(in[2][i]) + a.real("eps"));
            out[0][i] = a.integer("proximal") ? (in[0][i] - update) / (1 + decay) : in[0][i] * (1 - decay) - update;
          }
        },
    .decompose = [](const Node& n) -> std::vector<Value> {
      using namespace expression;
      const Attributes& a = n.attributes();
      const Value w = n.input(0), lr = n.input(3), decay = n.input(4) * lr / n.input(5) * a.real("weight_decay");
      const Value m = n.inputs().size() > 6 ? n.input(1) + n.input(6) * a.real("difference") : n.input(1);
      const Value update = m / (sqrt(n.input(2)) + a.real("eps"));
      const Value next = a.integer("proximal") ? (w - update) / (decay + 1) : w * (1 - decay) - update;
      return {where(is_above(lr, 0), next, w)};
    },
    .in_place = {0, -1, -1},
};

}  // namespace rankine
