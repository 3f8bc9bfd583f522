#include "diffusion/sigma_grid.h"

#include <algorithm>
#include <cmath>

namespace rankine {

float sigma_at(const NoiseSchedule& schedule, int64_t timestep) {
  const float alpha = schedule.alphas_cumprod[static_cast<size_t>(timestep)];
  return std::sqrt((1.0f - alpha) / alpha);
}

double interpolated_sigma(const NoiseSchedule& schedule, float timestep) {
  const auto below = static_cast<int64_t>(timestep);
  const double sigma = sigma_at(schedule, below);
  if (below == schedule.size() - 1) return sigma;
  return sigma + (static_cast<double>(sigma_at(schedule, below + 1)) - sigma) * (timestep - static_cast<float>(below));
}

float timestep_of(const NoiseSchedule& schedule, float sigma) {
  int64_t below = 0;
  while (below < schedule.size() - 2 && sigma_at(schedule, below + 1) <= sigma) ++below;
  const double low = std::log(sigma_at(schedule, below)), high = std::log(sigma_at(schedule, below + 1));
  return static_cast<float>(static_cast<double>(below) + std::clamp((std::log(sigma) - low) / (high - low), 0.0, 1.0));
}

std::vector<double> evenly_spaced(double last, int count) {
  std::vector<double> values(static_cast<size_t>(count), 0.0);
  const double stride = count > 1 ? last / (count - 1) : 0;
  for (int i = 1; i < count; ++i) values[static_cast<size_t>(i)] = i * stride;
  if (count > 1) values.back() = last;
  return values;
}

SigmaGrid::SigmaGrid(const NoiseSchedule& schedule, int steps) {
  const std::vector<double> spaced = evenly_spaced(static_cast<double>(schedule.size() - 1), steps);
  for (auto at = spaced.rbegin(); at != spaced.rend(); ++at) {
    timesteps.push_back(static_cast<float>(*at));
    sigmas.push_back(static_cast<float>(interpolated_sigma(schedule, timesteps.back())));
  }
  sigmas.push_back(0);
}

AncestralStep ancestral_step(float from, float to) {
  const float up = std::sqrt(to * to * (from * from - to * to) / (from * from));
  return {std::sqrt(to * to - up * up), up};
}

void scale_by_sigma(float sigma, std::span<float> latents) {
  const float scale = std::sqrt(sigma * sigma + 1.0f);
  for (float& value : latents) value /= scale;
}

float clean_latent(Prediction prediction, float sigma, float x, float output) {
  if (prediction == Prediction::epsilon) return x - sigma * output;
  const float square = sigma * sigma + 1.0f;
  return output * (-sigma / std::sqrt(square)) + x / square;
}

}  // namespace rankine
