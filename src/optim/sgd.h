#pragma once
#include "optim/optimizer.h"

namespace rankine {

/// Stochastic gradient descent with Nesterov's momentum, as torch.optim.SGD(nesterov=True) (Sutskever et al. 2013); the
/// default momentum is sd-scripts'. State: one f32 per parameter.
struct SgdConfig {
  double momentum = 0.9, weight_decay = 0;
};
SgdConfig sgd_config(std::span<const std::string> args);
std::unique_ptr<Optimizer> make_sgd_nesterov(std::span<const std::string> args);

}  // namespace rankine
