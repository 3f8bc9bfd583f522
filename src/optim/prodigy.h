#pragma once
#include <limits>

#include "optim/optimizer.h"

namespace rankine {

/// Prodigy (Mishchenko & Defazio 2023, arXiv:2306.06101), with prodigyopt's defaults: Adam whose step size is an
/// estimate d of the distance to the solution, times the learning rate (use 1). State: four f32 per parameter.
struct ProdigyConfig {
  double beta1 = 0.9, beta2 = 0.999, beta3 = 0;  ///< beta3: 0 means the square root of beta2
  double eps = 1e-8, weight_decay = 0;
  double d0 = 1e-6, d_coef = 1, growth_rate = std::numeric_limits<double>::infinity();
  bool decouple = true, use_bias_correction = false, safeguard_warmup = false;
  int64_t slice_p = 1;  ///< every slice_p-th element serves to estimate d
};
std::unique_ptr<Optimizer> make_prodigy(std::span<const std::string> args);

}  // namespace rankine
