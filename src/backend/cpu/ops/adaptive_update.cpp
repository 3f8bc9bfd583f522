#include <algorithm>

#include "backend/cpu/ops/op_kernels.h"
#include "backend/cpu/ops/update.h"
#include "graph/ops/update/update.h"

namespace rankine::cpu {
namespace {

/// The inputs from `first` on.
std::vector<const float*> float_inputs(const KernelContext& p, int first) {
  std::vector<const float*> inputs;
  for (int i = first; i < static_cast<int>(p.node().inputs().size()); ++i) inputs.push_back(float_input(p, i));
  return inputs;
}

template <size_t N>
std::array<double, N> total(const std::vector<const float*>& sums) {
  std::array<double, N> all{};
  for (const float* one : sums)
    for (size_t k = 0; k < N; ++k) all[k] += static_cast<double>(one[k]);
  return all;
}

template <size_t N>
void store(const std::array<double, N>& sums, float* out) {
  for (size_t k = 0; k < N; ++k) out[k] = static_cast<float>(sums[k]);
}

double squared(double x) { return x * x; }

}  // namespace

Launch prepare_first_value(KernelContext& p) {
  const int64_t stride = p.attributes().integer("stride");
  return [=, state = updated_in_place(p, 0, 0), value = float_input(p, 1), step = float_input(p, 2),
          n = p.output_type().count()] {
    if (*step != 1) return;
    for (int64_t i = 0; i < n; ++i) state[i] = value[i * stride];
  };
}

Launch prepare_adapted_rate(KernelContext& p) {
  const Attributes& a = p.attributes();
  const double d0 = a.real("d0"), beta1 = a.real("beta1"), beta2 = a.real("beta2");
  const bool corrected = a.integer("use_bias_correction");
  return [=, d = float_input(p, 0), k = float_input(p, 1), rates = float_inputs(p, 2), d_now = float_output(p, 0),
          d_rate = float_output(p, 1), rate = float_output(p, 2)] {
    const double steps = *k + 1.0;
    const double correction = corrected ? std::sqrt(1 - std::pow(beta2, steps)) / (1 - std::pow(beta1, steps)) : 1.0;
    float largest = 0;
    for (const float* lr : rates) largest = std::max(largest, *lr);
    const double distance = *d == 0 ? d0 : static_cast<double>(*d);
    *d_now = static_cast<float>(distance);
    *d_rate = static_cast<float>(distance * largest * correction);
    *rate = largest;
  };
}

Launch prepare_prodigy_moments(KernelContext& p) {
  const Attributes& a = p.attributes();
  const double beta1 = a.real("beta1"), beta2 = a.real("beta2"), beta3 = a.real("beta3"), d0 = a.real("d0");
  const auto decay = static_cast<float>(a.real("weight_decay"));
  const int64_t stride = a.integer("slice_p");
  const bool safeguard = a.integer("safeguard_warmup");
  return [=, m = updated_in_place(p, 0, 0), v = updated_in_place(p, 1, 1), s = updated_in_place(p, 2, 2),
          sums = float_output(p, 3), w0 = float_input(p, 3), w = float_input(p, 4), g = float_input(p, 5),
          factor = float_input(p, 6), lr = float_input(p, 7), d_in = float_input(p, 8), d_rate_in = float_input(p, 9),
          n = p.output_type().count()] {
    if (*lr <= 0) return store<2>({}, sums);
    const double d = *d_in, d_rate = *d_rate_in, relative = d / d0;
    const float scale = *factor, keep1 = static_cast<float>(beta1), keep2 = static_cast<float>(beta2),
                keep3 = static_cast<float>(beta3), new1 = static_cast<float>(d * (1 - beta1)),
                new2 = static_cast<float>(d * d * (1 - beta2)),
                new3 = static_cast<float>(relative * (safeguard ? d : d_rate));
    auto [numerator, denominator] = sum_elements<2>(n, [=](int64_t begin, int64_t end) {
      std::array<double, 2> part{};
      for (int64_t i = begin; i < end; ++i) {
        const float x = g[i] * scale + decay * w[i];
        m[i] = m[i] * keep1 + x * new1;
        v[i] = v[i] * keep2 + x * x * new2;
        if (i % stride != 0) continue;
        float& mean = s[i / stride];
        mean = mean * keep3 + x * new3;
        part[0] += static_cast<double>(x) * (w0[i / stride] - w[i]);
        part[1] += std::abs(mean);
      }
      return part;
    });
    store<2>({numerator * relative * d_rate, denominator}, sums);
  };
}

Launch prepare_prodigy_distance(KernelContext& p) {
  const Attributes& a = p.attributes();
  const double beta3 = a.real("beta3"), d0 = a.real("d0"), d_coef = a.real("d_coef"), growth = a.real("growth_rate");
  return [=, d_in = float_input(p, 0), max_in = float_input(p, 1), numerator_in = float_input(p, 2),
          k_in = float_input(p, 3), rate = float_input(p, 4), sums = float_inputs(p, 5), d_out = float_output(p, 0),
          max_out = float_output(p, 1), numerator_out = float_output(p, 2), k_out = float_output(p, 3)] {
    const auto [numerator_sum, denominator] = total<2>(sums);
    const float old_d = *d_in;
    double d = old_d, largest = *max_in == 0 ? d0 : static_cast<double>(*max_in), numerator = *numerator_in, k = *k_in;
    if (denominator != 0 && *rate > 0) {
      numerator = beta3 * numerator + numerator_sum;
      const double d_hat = d_coef * numerator / denominator;
      if (old_d == static_cast<float>(d0)) d = std::max(d, d_hat);
      largest = std::max(largest, d_hat);
      d = std::min(largest, d * growth);
      k += 1;
    }
    *d_out = static_cast<float>(d);
    *max_out = static_cast<float>(largest);
    *numerator_out = static_cast<float>(numerator);
    *k_out = static_cast<float>(k);
  };
}

Launch prepare_prodigy_step(KernelContext& p) {
  const double weight_decay = p.attributes().real("weight_decay"), eps = p.attributes().real("eps");
  return [=, w = updated_in_place(p, 0, 0), m = float_input(p, 1), v = float_input(p, 2), d = float_input(p, 3),
          d_rate = float_input(p, 4), rate = float_input(p, 5), lr = float_input(p, 6), n = p.output_type().count()] {
    if (*lr <= 0) return;
    const double own = static_cast<double>(*d_rate) * *lr / *rate;
    const float keep = static_cast<float>(1 - weight_decay * own), amount = static_cast<float>(own),
                least = static_cast<float>(*d * eps);
    parallel_elements(n, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) w[i] = w[i] * keep - amount * m[i] / (std::sqrt(v[i]) + least);
    });
  };
}

Launch prepare_dadapt_distance(KernelContext& p) {
  const Attributes& a = p.attributes();
  const double keep = a.real("keep"), gain = a.real("gain"), power = a.real("power"), from_b = a.real("from_b");
  const double from_weighted = a.real("from_weighted"), growth = a.real("growth_rate");
  const bool root = a.integer("root");
  return [=, d_in = float_input(p, 0), weighted_in = float_input(p, 1), k_in = float_input(p, 2),
          d_rate = float_input(p, 3), rate = float_input(p, 4), sums = float_inputs(p, 5), d_out = float_output(p, 0),
          weighted_out = float_output(p, 1), k_out = float_output(p, 2)] {
    const auto [first, second, third] = total<3>(sums);
    double d = *d_in, weighted = *weighted_in, k = *k_in;
    if (third != 0 && *rate > 0) {
      weighted = keep * weighted + gain * std::pow(static_cast<double>(*d_rate), power) * first;
      const double d_hat = (from_b * second + from_weighted * weighted) / (root ? std::sqrt(third) : third);
      d = std::max(d, std::min(d_hat, d * growth));
      k += 1;
    }
    *d_out = static_cast<float>(d);
    *weighted_out = static_cast<float>(weighted);
    *k_out = static_cast<float>(k);
  };
}

Launch prepare_dadapt_adam_moments(KernelContext& p) {
  const Attributes& a = p.attributes();
  const double beta1 = a.real("beta1"), beta2 = a.real("beta2"), beta_s = a.real("beta_s");
  const float decay = static_cast<float>(a.real("weight_decay")), difference = static_cast<float>(a.real("difference")),
              eps = static_cast<float>(a.real("eps"));
  const bool from_products = a.integer("from_products"), adan = p.node().inputs().size() > 9;
  return [=, m = updated_in_place(p, 0, 0), v = updated_in_place(p, 1, 1), s = updated_in_place(p, 2, 2),
          sums = float_output(p, 3), w = float_input(p, 3), g = float_input(p, 4), factor = float_input(p, 5),
          lr = float_input(p, 6), d_rate_in = float_input(p, 7), rate = float_input(p, 8),
          previous = adan ? float_input(p, 9) : nullptr, k = adan ? float_input(p, 10) : nullptr,
          n = p.output_type().count()] {
    if (*lr <= 0) return store<3>({}, sums);
    const double d_rate = *d_rate_in, own = d_rate * *lr / *rate;
    const float scale = *factor, keep1 = static_cast<float>(beta1), new1 = static_cast<float>(own * (1 - beta1)),
                keep2 = static_cast<float>(beta2), new2 = static_cast<float>(1 - beta2),
                keep_s = static_cast<float>(beta_s), new_s = static_cast<float>(d_rate * (1 - beta_s));
    const bool changes = adan && *k > 0;
    store(sum_elements<3>(n,
                          [=](int64_t begin, int64_t end) {
                            std::array<double, 3> part{};
                            for (int64_t i = begin; i < end; ++i) {
                              const float x = g[i] * scale + decay * w[i];
                              const float ahead = changes ? x + difference * (x - previous[i]) : x;
                              if (from_products) part[0] += static_cast<double>(x * s[i] / (std::sqrt(v[i]) + eps));
                              m[i] = m[i] * keep1 + x * new1;
                              v[i] = v[i] * keep2 + ahead * ahead * new2;
                              s[i] = s[i] * keep_s + x * new_s;
                              if (!from_products) {
                                const double below = std::sqrt(v[i]) + eps;
                                part[0] += squared(x) / below;
                                part[1] += squared(s[i]) / below;
                              }
                              part[2] += std::abs(s[i]);
                            }
                            return part;
                          }),
          sums);
  };
}

Launch prepare_dadapt_adam_step(KernelContext& p) {
  const Attributes& a = p.attributes();
  const double weight_decay = a.real("weight_decay");
  const float eps = static_cast<float>(a.real("eps")), difference = static_cast<float>(a.real("difference"));
  const bool proximal = a.integer("proximal"), adan = p.node().inputs().size() > 6;
  return [=, w = updated_in_place(p, 0, 0), m = float_input(p, 1), v = float_input(p, 2), lr = float_input(p, 3),
          d_rate = float_input(p, 4), rate = float_input(p, 5), average = adan ? float_input(p, 6) : nullptr,
          n = p.output_type().count()] {
    if (*lr <= 0) return;
    const double decay = weight_decay * *d_rate * *lr / *rate;
    const float before = static_cast<float>(proximal ? 1 : 1 - decay),
                after = static_cast<float>(proximal ? 1 / (1 + decay) : 1);
    parallel_elements(n, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const float mean = adan ? m[i] + difference * average[i] : m[i];
        w[i] = (w[i] * before - mean / (std::sqrt(v[i]) + eps)) * after;
      }
    });
  };
}

Launch prepare_dadapt_adan_difference(KernelContext& p) {
  const double beta = p.attributes().real("beta");
  return [=, average = updated_in_place(p, 0, 0), previous = updated_in_place(p, 1, 1), g = float_input(p, 2),
          factor = float_input(p, 3), lr = float_input(p, 4), d_rate = float_input(p, 5), rate = float_input(p, 6),
          k = float_input(p, 7), n = p.output_type().count()] {
    if (*lr <= 0) return;
    const float scale = *factor, keep = static_cast<float>(beta),
                new_part = static_cast<float>(*k > 0 ? static_cast<double>(*d_rate) * *lr / *rate * (1 - beta) : 0);
    parallel_elements(n, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const float x = g[i] * scale;
        average[i] = average[i] * keep + (x - previous[i]) * new_part;
        previous[i] = x;
      }
    });
  };
}

Launch prepare_dadapt_lion(KernelContext& p) {
  const double beta1 = p.attributes().real("beta1"), beta2 = p.attributes().real("beta2"), beta_s = std::sqrt(beta2);
  const double weight_decay = p.attributes().real("weight_decay");
  return [=, w = updated_in_place(p, 0, 0), m = updated_in_place(p, 1, 1), s = updated_in_place(p, 2, 2),
          sums = float_output(p, 3), g = float_input(p, 3), factor = float_input(p, 4), lr = float_input(p, 5),
          d_rate_in = float_input(p, 6), rate = float_input(p, 7), n = p.output_type().count()] {
    if (*lr <= 0) return store<3>({}, sums);
    const double d_rate = *d_rate_in, own = d_rate * *lr / *rate;
    const float scale = *factor, keep = static_cast<float>(1 - own * weight_decay), amount = static_cast<float>(own),
                keep1 = static_cast<float>(beta1), new1 = static_cast<float>(1 - beta1),
                keep2 = static_cast<float>(beta2), new2 = static_cast<float>((1 - beta2) * d_rate),
                keep_s = static_cast<float>(beta_s), new_s = static_cast<float>((1 - beta_s) * d_rate);
    store(sum_elements<3>(n,
                          [=](int64_t begin, int64_t end) {
                            std::array<double, 3> part{};
                            for (int64_t i = begin; i < end; ++i) {
                              const float x = g[i] * scale, u = m[i] * keep1 + x * new1;
                              const float sign = static_cast<float>(u > 0) - static_cast<float>(u < 0);
                              part[0] += static_cast<double>(sign * s[i]);
                              w[i] = w[i] * keep - amount * sign;
                              m[i] = m[i] * keep2 + x * new2;
                              s[i] = s[i] * keep_s + sign * new_s;
                              part[2] += std::abs(s[i]);
                            }
                            return part;
                          }),
          sums);
  };
}

Launch prepare_dadapt_sgd_rate(KernelContext& p) {
  struct Part {
    const float *gradient, *lr;
    int64_t count;
  };
  std::vector<Part> parts;
  for (int i = 4; i + 1 < static_cast<int>(p.node().inputs().size()); i += 2)
    parts.push_back({float_input(p, i), float_input(p, i + 1), p.input_type(i).count()});
  return [parts = std::move(parts), g0_in = float_input(p, 0), k = float_input(p, 1), d_rate = float_input(p, 2),
          factor = float_input(p, 3), g0_out = float_output(p, 0), rate_out = float_output(p, 1)] {
    double g0 = *g0_in;
    if (*k <= 0) {
      double squares = 0;
      for (const Part& part : parts)
        if (*part.lr > 0)
          squares += sum_elements<1>(part.count, [&part](int64_t begin, int64_t end) {
            std::array<double, 1> sum{};
            for (int64_t i = begin; i < end; ++i) sum[0] += squared(part.gradient[i]);
            return sum;
          })[0];
      g0 = std::sqrt(squares) * *factor;
    }
    *g0_out = static_cast<float>(g0);
    *rate_out = g0 > 0 ? static_cast<float>(*d_rate / g0) : 0.0f;
  };
}

Launch prepare_dadapt_sgd(KernelContext& p) {
  const auto momentum = static_cast<float>(p.attributes().real("momentum"));
  const auto share = static_cast<float>(1 - p.attributes().real("momentum"));
  const auto decay = static_cast<float>(p.attributes().real("weight_decay"));
  return [=, w = updated_in_place(p, 0, 0), s = updated_in_place(p, 1, 1), sums = float_output(p, 2),
          w0 = float_input(p, 2), g = float_input(p, 3), factor = float_input(p, 4), lr = float_input(p, 5),
          step = float_input(p, 6), rate = float_input(p, 7), n = p.output_type().count()] {
    if (*lr <= 0) return store<3>({}, sums);
    const double own = static_cast<double>(*step) * *lr / *rate;
    const float scale = *factor, amount = static_cast<float>(own);
    auto [products, none, squares] = sum_elements<3>(n, [=](int64_t begin, int64_t end) {
      std::array<double, 3> part{};
      for (int64_t i = begin; i < end; ++i) {
        const float x = g[i] * scale + decay * w[i];
        part[0] += static_cast<double>(x) * s[i];
        s[i] += amount * x;
        part[2] += squared(s[i]);
        w[i] = w[i] * momentum + (w0[i] - s[i]) * share;
      }
      return part;
    });
    store<3>({products * own, none, squares}, sums);
  };
}

Launch prepare_dadapt_adagrad(KernelContext& p) {
  const Attributes& a = p.attributes();
  const auto momentum = static_cast<float>(a.real("momentum")), share = static_cast<float>(1 - a.real("momentum"));
  const auto decay = static_cast<float>(a.real("weight_decay")), eps = static_cast<float>(a.real("eps"));
  return [=, w = updated_in_place(p, 0, 0), s = updated_in_place(p, 1, 1), squares = updated_in_place(p, 2, 2),
          sums = float_output(p, 3), w0 = float_input(p, 3), g = float_input(p, 4), factor = float_input(p, 5),
          lr = float_input(p, 6), d_rate = float_input(p, 7), rate = float_input(p, 8), n = p.output_type().count()] {
    const double own = *rate > 0 ? static_cast<double>(*d_rate) * *lr / *rate : 0;
    const float scale = *factor, amount = static_cast<float>(own), start = static_cast<float>(dadapt_adagrad_start);
    auto [of_gradient, of_sum, size] = sum_elements<3>(n, [=](int64_t begin, int64_t end) {
      std::array<double, 3> part{};
      for (int64_t i = begin; i < end; ++i) {
        const float x = g[i] * scale + decay * w[i];
        s[i] += amount * x;
        squares[i] += x * x;
        const float below = std::sqrt(start + squares[i]) + eps;
        part[0] += squared(x) / below;
        part[1] += squared(s[i]) / below;
        part[2] += std::abs(s[i]);
        w[i] = w[i] * momentum + (w0[i] - s[i] / below) * share;
      }
      return part;
    });
    store<3>({of_gradient * own * own, of_sum, size}, sums);
  };
}

}  // namespace rankine::cpu
