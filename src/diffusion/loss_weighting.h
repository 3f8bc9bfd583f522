#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "diffusion/noise_schedule.h"

namespace rankine {

/// The quantity that the U-Net learns to predict.
enum class Prediction { epsilon, v };

/// Names as in sd-scripts' options. Several weights multiply.
struct LossWeightingConfig {
  Prediction prediction = Prediction::epsilon;
  std::optional<double> min_snr_gamma = {};        ///< Hang et al. 2023, arXiv:2303.09556, eq. 8; off when 0 too
  bool scale_v_pred_loss_like_noise_pred = false;  ///< only with v-prediction
  std::optional<double> v_pred_like_loss = {};     ///< only with noise prediction; off when 0 too
  bool debiased_estimation_loss = false;           ///< Yu et al. 2024, arXiv:2310.08442
};

/// A weight of a sample's loss that depends on its timestep.
struct LossWeighting {
  std::string_view name;  ///< the option that enables it
  bool (*active)(const LossWeightingConfig&);
  float (*weight)(const LossWeightingConfig&, float snr);
};

/// All weightings in the order of their application.
std::span<const LossWeighting> loss_weightings();

/// Throws Error if an option contradicts the prediction.
void check_loss_weighting(const LossWeightingConfig& config);

/// The factor on the loss of a sample at `timestep`: the product of all active weightings, 1 without any. Throws Error
/// if the timestep is outside the schedule.
float loss_weight(const LossWeightingConfig& config, const NoiseSchedule& schedule, int64_t timestep);

}  // namespace rankine
