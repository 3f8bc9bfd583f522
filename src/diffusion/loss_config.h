#pragma once
#include <string>

#include "diffusion/loss_weighting.h"
#include "diffusion/noise.h"

namespace rankine {

/// Noise and loss, as flags describe them. Fields carry the names of sd-scripts' flags.
struct LossConfig {
  std::string loss_type = "l2";
  std::string huber_schedule = "snr";  ///< how the threshold of huber and smooth_l1 depends on the timestep
  double huber_c = 0.1;                ///< that threshold, or its last value
  double huber_scale = 1.0;            ///< a factor on it; "snr" ignores it
  bool masked_loss = false;            ///< mask pictures or the pictures' alpha weigh the errors
  NoiseConfig noise;
  /// ModelConfig::v_parameterization sets its `prediction`.
  LossWeightingConfig weighting;
  double prior_loss_weight = 1.0;  ///< factor on the loss of regularisation pictures
};

}  // namespace rankine
