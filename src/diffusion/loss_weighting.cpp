#include "diffusion/loss_weighting.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace rankine {
namespace {

// The first timesteps have an SNR above 1000, where the weights below would vanish or explode, so it is limited
// (required by the recorded tables).
constexpr float snr_limit = 1000;

float capped(float snr) { return std::min(snr, snr_limit); }

bool is_on(const std::optional<double>& value) { return value && *value != 0; }

float min_snr(const LossWeightingConfig& c, float snr) {
  const float top = std::min(snr, static_cast<float>(*c.min_snr_gamma));
  return c.prediction == Prediction::v ? top / (snr + 1.0f) : top / snr;
}

float scale_v_pred(const LossWeightingConfig&, float snr) {
  const float s = capped(snr);
  return s / (s + 1.0f);
}

float v_pred_like(const LossWeightingConfig& c, float snr) {
  const float s = capped(snr);
  return 1.0f + static_cast<float>(*c.v_pred_like_loss) * ((s + 1.0f) / s);
}

float debiased(const LossWeightingConfig& c, float snr) {
  const float s = capped(snr);
  return c.prediction == Prediction::v ? 1.0f / (s + 1.0f) : 1.0f / std::sqrt(s);
}

constexpr LossWeighting table[] = {
    {"min_snr_gamma", [](const LossWeightingConfig& c) { return is_on(c.min_snr_gamma); }, min_snr},
    {"scale_v_pred_loss_like_noise_pred",
     [](const LossWeightingConfig& c) { return c.scale_v_pred_loss_like_noise_pred; }, scale_v_pred},
    {"v_pred_like_loss", [](const LossWeightingConfig& c) { return is_on(c.v_pred_like_loss); }, v_pred_like},
    {"debiased_estimation_loss", [](const LossWeightingConfig& c) { return c.debiased_estimation_loss; }, debiased},
};

}  // namespace

std::span<const LossWeighting> loss_weightings() { return table; }

void check_loss_weighting(const LossWeightingConfig& config) {
  check(!config.min_snr_gamma || *config.min_snr_gamma >= 0, "min_snr_gamma must not be negative, got ",
        config.min_snr_gamma.value_or(0), "; 5 is usual");
  check(!config.scale_v_pred_loss_like_noise_pred || config.prediction == Prediction::v,
        "scale_v_pred_loss_like_noise_pred needs a model that predicts v: add --v_parameterization or leave it out");
  check(!is_on(config.v_pred_like_loss) || config.prediction == Prediction::epsilon,
        "v_pred_like_loss is for models that predict noise: leave out --v_parameterization or v_pred_like_loss");
}

float loss_weight(const LossWeightingConfig& config, const NoiseSchedule& schedule, int64_t timestep) {
  check(timestep >= 0 && timestep < schedule.size(), "timestep ", timestep, " is outside the noise schedule (0 to ",
        schedule.size() - 1, ")");
  float product = 1;
  for (const LossWeighting& weighting : table) {
    if (weighting.active(config)) product *= weighting.weight(config, schedule.all_snr[timestep]);
  }
  return product;
}

}  // namespace rankine
