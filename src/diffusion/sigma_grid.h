#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "diffusion/loss_weighting.h"
#include "diffusion/noise_schedule.h"

namespace rankine {

/// Noise per signal at a timestep, sqrt((1 - a) / a): the "sigma" of Karras et al. 2022, arXiv:2206.00364.
float sigma_at(const NoiseSchedule& schedule, int64_t timestep);
/// The same between two timesteps, on the straight line between their sigmas.
double interpolated_sigma(const NoiseSchedule& schedule, float timestep);
/// The timestep, mostly between two, that has this sigma: on the straight line between their logarithms.
float timestep_of(const NoiseSchedule& schedule, float sigma);

/// `count` values evenly spaced from 0 to `last`, both included; only 0 when count is 1.
std::vector<double> evenly_spaced(double last, int count);

/// The steps of diffusers' k-diffusion schedulers: timesteps evenly spaced from the schedule's last to 0.
struct SigmaGrid {
  SigmaGrid(const NoiseSchedule& schedule, int steps);
  std::vector<float> timesteps;
  std::vector<float> sigmas;  ///< of each timestep, and 0 after the last
};

/// How an ancestral step splits the way to sigma `to`: down to `down` along the ODE, then `up` of fresh noise.
struct AncestralStep {
  float down, up;
};
AncestralStep ancestral_step(float from, float to);

/// Divides by sqrt(sigma^2 + 1), which brings latents of variance sigma^2 + 1 back to 1.
void scale_by_sigma(float sigma, std::span<float> latents);

/// The clean latent that a prediction for `x`, of `sigma` noise per signal, stands for.
float clean_latent(Prediction prediction, float sigma, float x, float output);

}  // namespace rankine
