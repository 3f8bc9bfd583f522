#pragma once
#include <optional>

#include "optim/optimizer.h"

namespace rankine {

/// Adafactor (Shazeer & Stern 2018, arXiv:1804.04235), with transformers' defaults. The second moment of a tensor is
/// kept as its means over each of the last two dimensions. With relative_step the given learning rate is ignored.
struct AdafactorConfig {
  double eps1 = 1e-30, eps2 = 1e-3;  ///< added to squared gradients; the least root mean square of a weight
  double clip_threshold = 1, decay_rate = -0.8, weight_decay = 0;
  std::optional<double> beta1 = {};  ///< without it there is no first moment
  bool scale_parameter = true, relative_step = true, warmup_init = false;
};
std::unique_ptr<Optimizer> make_adafactor(std::span<const std::string> args);

}  // namespace rankine
