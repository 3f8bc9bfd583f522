#pragma once
#include "graph/ops/ops.h"
#include "optim/optimizer.h"

namespace rankine {

/// The step size that optimisers which estimate the distance d to the solution have in common.
struct AdaptedRate {
  Value d;       ///< before this update, never 0
  Value d_rate;  ///< d * rate, with the bias correction
  Value rate;    ///< the largest learning rate of all groups
};
struct AdaptedRateConfig {
  double d0 = 1e-6;
  bool use_bias_correction = false;
  double beta1 = 0.9, beta2 = 0.999;
};

/// d and k: f32 [] variables, 0 at the start.
AdaptedRate append_adapted_rate(Graph& graph, Value d, Value k, std::span<const UpdateInputs> parameters,
                                const AdaptedRateConfig& config);

}  // namespace rankine
