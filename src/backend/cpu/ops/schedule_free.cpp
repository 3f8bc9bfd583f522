#include <algorithm>

#include "backend/cpu/ops/op_kernels.h"
#include "backend/cpu/ops/update.h"
#include "graph/ops/update/update.h"

namespace rankine::cpu {

Launch prepare_schedule_free_weight(KernelContext& p) {
  const Attributes& a = p.attributes();
  const double warmup = a.real("warmup_steps"), r = a.real("r"), power = a.real("weight_lr_power");
  const double beta2 = a.real("beta2"), early = a.real("early_factor");
  const bool rectify = a.integer("rectify");
  return [=, max_in = float_input(p, 0), sum_in = float_input(p, 1), lr = float_input(p, 2), step = float_input(p, 3),
          max_out = float_output(p, 0), sum_out = float_output(p, 1), weight_out = float_output(p, 2),
          rate_out = float_output(p, 3)] {
    double rate = *lr;
    if (*step <= warmup) rate *= *step / warmup;
    if (rectify) rate *= rectification(beta2, *step).value_or(early);
    const double largest = std::max(static_cast<double>(*max_in), rate);
    const double weight = std::pow(static_cast<double>(*step), r) * std::pow(largest, power), sum = *sum_in + weight;
    *max_out = static_cast<float>(largest);
    *sum_out = static_cast<float>(sum);
    *weight_out = static_cast<float>(sum == 0 ? 0 : weight / sum);
    *rate_out = static_cast<float>(rate);
  };
}

Launch prepare_adamw_schedule_free(KernelContext& p) {
  const Attributes& a = p.attributes();
  const double beta1 = a.real("beta1"), beta2 = a.real("beta2");
  const float eps = static_cast<float>(a.real("eps")), decay = static_cast<float>(a.real("weight_decay"));
  const bool rectify = a.integer("rectify");
  return [=, y = updated_in_place(p, 0, 0), z_minus_y = updated_in_place(p, 1, 1), v = updated_in_place(p, 2, 2),
          g = float_input(p, 3), factor = float_input(p, 4), rate_in = float_input(p, 5), weight_in = float_input(p, 6),
          step = float_input(p, 7), n = p.output_type().count()] {
    const double rate = *rate_in, share = 1.0 - *weight_in;
    const bool normalised = !rectify || rectification(beta2, *step);
    const float scale = *factor, weight = *weight_in, keep = static_cast<float>(beta2),
                fresh = static_cast<float>(1 - beta2),
                correction = static_cast<float>(1 - std::pow(beta2, static_cast<double>(*step))),
                y_part = static_cast<float>(rate * (beta1 * share - 1)), z_part = static_cast<float>(rate * beta1),
                rest = static_cast<float>(share);
    parallel_elements(n, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        float x = g[i] * scale;
        v[i] = v[i] * keep + x * x * fresh;
        if (normalised) x /= std::sqrt(v[i] / correction) + eps;
        x += decay * y[i];
        y[i] = y[i] + weight * z_minus_y[i] + y_part * x;
        z_minus_y[i] = rest * (z_minus_y[i] - z_part * x);
      }
    });
  };
}

Launch prepare_sgd_schedule_free(KernelContext& p) {
  const double beta = p.attributes().real("momentum");
  const auto decay = static_cast<float>(p.attributes().real("weight_decay"));
  return [=, y = updated_in_place(p, 0, 0), z_minus_y = updated_in_place(p, 1, 1), g = float_input(p, 2),
          factor = float_input(p, 3), rate_in = float_input(p, 4), weight_in = float_input(p, 5),
          n = p.output_type().count()] {
    const double rate = *rate_in, share = 1.0 - *weight_in;
    const float scale = *factor, weight = *weight_in, y_part = static_cast<float>(rate * (beta * share - 1)),
                z_part = static_cast<float>(rate * beta), rest = static_cast<float>(share);
    parallel_elements(n, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const float x = g[i] * scale + decay * y[i];
        y[i] = y[i] + weight * z_minus_y[i] + y_part * x;
        z_minus_y[i] = rest * (z_minus_y[i] - z_part * x);
      }
    });
  };
}

}  // namespace rankine::cpu
