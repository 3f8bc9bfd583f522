#include <algorithm>
#include <cmath>

#include "graph/ops/ops.h"
#include "graph/ops/update/expression.h"
#include "graph/ops/update/update.h"

namespace rankine {

// Prodigy (Mishchenko & Defazio 2023, arXiv:2306.06101, algorithm 4), as prodigyopt orders it: moments and sums of
// each parameter, the new distance d from all sums, the step of each parameter.
// [m, v, s, w0, w, g, factor, lr, d, d_rate] -> m', v', s', sums f32 [2]: of the numerator, of the denominator of d.
// w0: the weights at the start; s and w0 hold every slice_p-th element. weight_decay is added to the gradient. Nothing
// changes while lr is 0.
constinit const OpDef prodigy_moments_op = {
    .name = "prodigy_moments",
    .infer = [](const Node& n) -> std::vector<Type> {
      check_same_as_first(n, 1, 2);
      check_same_as_first(n, 4, 6);
      check(n.input(2).type() == n.input(3).type(), "s is ", n.input(2).type(), ", w0 ", n.input(3).type());
      check_scalars(n, 6, 10);
      return {n.input(0).type(), n.input(1).type(), n.input(2).type(), {{2}, DType::f32}};
    },
    .flops = [](const Node& n) { return 18.0 * static_cast<double>(n.type().count()); },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const Attributes& a = n.attributes();
          const double beta1 = a.real("beta1"), beta2 = a.real("beta2"), beta3 = a.real("beta3");
          const double d = in[8][0], d_rate = in[9][0], relative = d / a.real("d0");
          const int64_t stride = a.integer("slice_p");
          for (int k = 0; k < 3; ++k) out[static_cast<size_t>(k)].data() = in[static_cast<size_t>(k)].data();
          out[3][0] = out[3][1] = 0;
          if (in[7][0] <= 0) return;
          for (int64_t i = 0; i < in[0].count(); ++i) {
            const double g = in[5][i] * in[6][0] + a.real("weight_decay") * in[4][i];
            out[0][i] = beta1 * in[0][i] + d * (1 - beta1) * g;
            out[1][i] = beta2 * in[1][i] + d * d * (1 - beta2) * g * g;
            if (i % stride != 0) continue;
            const int64_t k = i / stride;
            out[3][0] += relative * d_rate * g * (in[3][k] - in[4][i]);
            out[2][k] = beta3 * in[2][k] + relative * (a.integer("safeguard_warmup") ? d : d_rate) * g;
            out[3][1] += std::abs(out[2][k]);
          }
        },
    .decompose = [](const Node& n) -> std::vector<Value> {
      using namespace expression;
      const Attributes& a = n.attributes();
      const double beta1 = a.real("beta1"), beta2 = a.real("beta2"), beta3 = a.real("beta3");
      const int64_t stride = a.integer("slice_p");
      const Value m = n.input(0), v = n.input(1), s = n.input(2), w0 = n.input(3), w = n.input(4);
      const Value d = n.input(8), d_rate = n.input(9), relative = d / a.real("d0");
      const Value moves = is_above(n.input(7), 0), zero = number(n.graph(), 0);
      const Value g = n.input(5) * n.input(6) + w * a.real("weight_decay"), some = every(g, stride);
      const Value next_m = m * beta1 + g * (d * (1 - beta1)),
                  next_v = v * beta2 + square(g) * (square(d) * (1 - beta2));
      const Value next_s = s * beta3 + some * (relative * (a.integer("safeguard_warmup") ? d : d_rate));
      const Value numerator = total(some * (w0 - every(w, stride))) * (relative * d_rate);
      const Value denominator = total(abs(next_s));
      return {where(moves, next_m, m), where(moves, next_v, v), where(moves, reshape(next_s, s.shape()), s),
              vector_of({where(moves, numerator, zero), where(moves, denominator, zero)})};
    },
    .in_place = {0, 1, 2},
};

// [d, d_max, numerator, k, rate, sums of each parameter ...] -> d', d_max', numerator', k'.  All f32 [], sums [2].
// Without progress (no gradient, or no learning rate) nothing changes. A d_max of 0 stands for d0.
constinit const OpDef prodigy_distance_op = {
    .name = "prodigy_distance",
    .infer = [](const Node& n) -> std::vector<Type> {
      check_scalars(n, 0, 5);
      return {{}, {}, {}, {}};
    },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const Attributes& a = n.attributes();
          double numerator = 0, denominator = 0;
          for (size_t i = 5; i < in.size(); ++i) {
            numerator += in[i][0];
            denominator += in[i][1];
          }
          for (size_t k = 0; k < 4; ++k) out[k][0] = in[k][0];
          if (in[1][0] == 0) out[1][0] = a.real("d0");
          if (denominator == 0 || in[4][0] <= 0) return;
          out[2][0] = a.real("beta3") * in[2][0] + numerator;
          const double d_hat = a.real("d_coef") * out[2][0] / denominator;
          if (static_cast<float>(in[0][0]) == static_cast<float>(a.real("d0"))) out[0][0] = std::max(in[0][0], d_hat);
          out[1][0] = std::max(out[1][0], d_hat);
          out[0][0] = std::min(out[1][0], out[0][0] * a.real("growth_rate"));
          out[3][0] += 1;
        },
    .decompose = [](const Node& n) -> std::vector<Value> {
      using namespace expression;
      const Attributes& a = n.attributes();
      const double d0 = a.real("d0");
      const Value d = n.input(0), numerator = n.input(2), k = n.input(3), rate = n.input(4);
      const Value d_max = where(is_above(abs(n.input(1)), 0), n.input(1), number(n.graph(), d0));
      Value sums = n.input(5);
      for (size_t i = 6; i < n.inputs().size(); ++i) sums = sums + n.inputs()[i];
      const Value denominator = element(sums, 1);
      const Value moves = is_above(abs(denominator), 0) * is_above(rate, 0);
      const Value next = numerator * a.real("beta3") + element(sums, 0), d_hat = next * a.real("d_coef") / denominator;
      // The first estimate replaces d0 at once; "equal" means equal in f32.
      const Value changed = is_above(abs(d - d0), 1e-7 * d0);
      const Value next_max = larger(d_max, d_hat), grown = where(changed, d, larger(d, d_hat)) * a.real("growth_rate");
      return {where(moves, smaller(next_max, grown), d), where(moves, next_max, d_max), where(moves, next, numerator),
              where(moves, k + 1, k)};
    },
};

// [w, m', v', d', d_rate, rate, lr] -> w'.  weight_decay is decoupled. d_rate and rate come from adapted_rate: a group
// whose lr is below the largest one moves by its share of it.
constinit const OpDef prodigy_step_op = {
    .name = "prodigy_step",
    .infer = [](const Node& n) -> std::vector<Type> {
      check_same_as_first(n, 1, 3);
      check_scalars(n, 3, 7);
      return {n.input(0).type()};
    },
    .flops = [](const Node& n) { return 7.0 * static_cast<double>(n.type().count()); },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const double rate = in[5][0] > 0 ? in[4][0] * in[6][0] / in[5][0] : 0;
          const double weight_decay = n.attributes().real("weight_decay"), eps = in[3][0] * n.attributes().real("eps");
          for (int64_t i = 0; i < in[0].count(); ++i)
            out[0][i] = in[0][i] * (1 - weight_decay * rate) - rate * in[1][i] / (std::sqrt(in[2][i]) + eps);
        },
    .decompose = [](const Node& n) -> std::vector<Value> {
      using namespace expression;
      const Attributes& a = n.attributes();
      const Value w = n.input(0), d = n.input(3), d_rate = n.input(4), rate = n.input(5), lr = n.input(6);
      const Value own = where(is_above(rate, 0), d_rate * lr / rate, number(n.graph(), 0));
      const Value update = n.input(1) / (sqrt(n.input(2)) + d * a.real("eps"));
      return {w * (1 - own * a.real("weight_decay")) - update * own};
    },
    .in_place = {0, -1, -1},
};

}  // namespace rankine
