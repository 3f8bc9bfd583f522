#include <algorithm>
#include <cmath>

#include "backend/cpu/kernels/adamw.h"
#include "backend/cpu/kernels/reduce.h"
#include "backend/cpu/ops.h"

namespace rankine::cpu {

Launch prepare_grad_norm(Prepare& p) {
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

Launch prepare_clip_factor(Prepare& p) {
  const auto max_norm = static_cast<float>(p.attributes().real("max_norm"));
  return [=, norm = static_cast<const float*>(p.input(0)), factor = static_cast<float*>(p.output())] {
    *factor = std::min(1.0f, max_norm / (*norm + 1e-6f));
  };
}

Launch prepare_adamw(Prepare& p) {
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

}  // namespace rankine::cpu
