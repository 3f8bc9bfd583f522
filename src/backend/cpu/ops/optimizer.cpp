#include <algorithm>
#include <cmath>

#include "backend/cpu/kernels/shape/reduce.h"
#include "backend/cpu/kernels/update/adamw.h"
#include "backend/cpu/ops/op_kernels.h"
#include "backend/cpu/ops/update.h"

namespace rankine::cpu {

Launch prepare_grad_norm(KernelContext& p) {
  struct Part {
    In data;
    int64_t count;
  };
  std::vector<Part> parts;
  for (int i = 0; i < static_cast<int>(p.node().inputs().size()); ++i)
    parts.push_back({p.in(i), p.input_type(i).count()});
  return [parts = std::move(parts), norm = static_cast<float*>(p.output())] {
    double sum = 0;
    for (const Part& part : parts) sum += sum_squares(part.data, part.count);
    *norm = static_cast<float>(std::sqrt(sum));
  };
}

Launch prepare_clip_factor(KernelContext& p) {
  const auto max_norm = static_cast<float>(p.attributes().real("max_norm"));
  return [=, norm = static_cast<const float*>(p.input(0)), factor = static_cast<float*>(p.output())] {
    *factor = std::min(1.0f, max_norm / (*norm + 1e-6f));
  };
}

Launch prepare_adamw(KernelContext& p) {
  AdamWStep settings;
  settings.beta1 = p.attributes().real("beta1");
  settings.beta2 = p.attributes().real("beta2");
  settings.eps = p.attributes().real("eps");
  settings.weight_decay = p.attributes().real("weight_decay");
  const auto floats = [&](int i) { return static_cast<const float*>(p.input(i)); };
  for (int i = 0; i < 3; ++i)
    check(p.input(i) == p.output(i), "adamw \"", p.node().scope(), "\" updates its variables in place");
  return [=, w = static_cast<float*>(p.output(0)), m = static_cast<float*>(p.output(1)),
          v = static_cast<float*>(p.output(2)), g = floats(3), factor = floats(4), lr = floats(5), step = floats(6),
          n = p.output_type().count()] {
    AdamWStep now = settings;
    now.gradient_scale = *factor;
    now.lr = *lr;
    now.step = std::lround(*step);
    adamw_update(now, w, m, v, g, n);
  };
}

Launch prepare_lion(KernelContext& p) {
  const auto beta1 = static_cast<float>(p.attributes().real("beta1"));
  const auto new1 = static_cast<float>(1 - p.attributes().real("beta1"));
  const auto beta2 = static_cast<float>(p.attributes().real("beta2"));
  const auto new2 = static_cast<float>(1 - p.attributes().real("beta2"));
  const double weight_decay = p.attributes().real("weight_decay");
  return [=, w = updated_in_place(p, 0, 0), m = updated_in_place(p, 1, 1), g = float_input(p, 2),
          factor = float_input(p, 3), lr = float_input(p, 4), n = p.output_type().count()] {
    const float scale = *factor, rate = *lr, keep = static_cast<float>(1 - *lr * weight_decay);
    parallel_elements(n, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const float x = g[i] * scale, u = m[i] * beta1 + x * new1;
        const float sign = static_cast<float>(u > 0) - static_cast<float>(u < 0);
        w[i] = w[i] * keep - rate * sign;
        m[i] = m[i] * beta2 + x * new2;
      }
    });
  };
}

Launch prepare_sgd_nesterov(KernelContext& p) {
  const auto momentum = static_cast<float>(p.attributes().real("momentum"));
  const auto weight_decay = static_cast<float>(p.attributes().real("weight_decay"));
  return [=, w = updated_in_place(p, 0, 0), m = updated_in_place(p, 1, 1), g = float_input(p, 2),
          factor = float_input(p, 3), lr = float_input(p, 4), n = p.output_type().count()] {
    const float scale = *factor, rate = *lr;
    parallel_elements(n, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const float x = g[i] * scale + weight_decay * w[i];
        m[i] = m[i] * momentum + x;
        w[i] -= rate * (x + momentum * m[i]);
      }
    });
  };
}

}  // namespace rankine::cpu
