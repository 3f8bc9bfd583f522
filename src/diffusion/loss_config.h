#pragma once
#include <string>

#include "diffusion/loss_weighting.h"
#include "diffusion/noise.h"

namespace rankine {

/// Noise and loss, as flags describe them. Fields carry the names of sd-scripts' flags.
struct LossConfig {
  std::string loss_type = "l2";
  std::string huber_schedule = "snr";  ///< how the threshold of huber and smooth_l1 follows from the timestep
  double huber_c = 0.1;                ///< that threshold, or its last value
  double huber_scale = 1.0;            ///< a factor on it; "snr" does not read it
  bool masked_loss = false;            ///< errors are weighed by mask pictures or the pictures' alpha
  NoiseConfig noise;
  /// Its `prediction` is set from ModelConfig::v_parameterization.
  LossWeightingConfig weighting;
  double prior_loss_weight = 1.0;  ///< factor on the loss of regularisation pictures
};

}  // namespace rankine
