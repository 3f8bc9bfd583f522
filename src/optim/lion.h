#pragma once
#include "optim/optimizer.h"

namespace rankine {

/// Lion (Chen et al. 2023, arXiv:2302.06675), with lion_pytorch's defaults. State: one f32 per parameter.
struct LionConfig {
  double beta1 = 0.9, beta2 = 0.99, weight_decay = 0;
};
LionConfig lion_config(std::span<const std::string> args);
std::unique_ptr<Optimizer> make_lion(std::span<const std::string> args);

}  // namespace rankine
