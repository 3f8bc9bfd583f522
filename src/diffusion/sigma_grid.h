#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "diffusion/loss_weighting.h"
#include "diffusion/noise_schedule.h"

namespace rankine {

/// Noise per signal at a timestep, sqrt((1 - a) / a): the "sigma" of Karras et al. 2022, arXiv:2206.00364.
float sigma_at(const NoiseSchedule& schedule, int64_t timestep);
/// The same at a fractional timestep: linear between the neighbours' sigmas.
double interpolated_sigma(const NoiseSchedule& schedule, float timestep);
/// The timestep of this sigma, usually fractional: linear between the neighbours' logarithms.
float timestep_of(const NoiseSchedule& schedule, float sigma);

/// `count` evenly spaced values from 0 to `last`, both included; only 0 if count is 1.
std::vector<double> evenly_spaced(double last, int count);

/// The steps of diffusers' k-diffusion schedulers: timesteps evenly spaced from the schedule's last to 0.
struct SigmaGrid {
  SigmaGrid(const NoiseSchedule& schedule, int steps);
  std::vector<float> timesteps;
  std::vector<float> sigmas;  ///< at each timestep, and 0 after the last
};

/// The parts of an ancestral step to sigma `to`: down to `down` along the ODE, then `up` of fresh noise.
struct AncestralStep {
  float down, up;
};
AncestralStep ancestral_step(float from, float to);

/// Divides by sqrt(sigma^2 + 1), which brings latents of variance sigma^2 + 1 back to 1.
void scale_by_sigma(float sigma, std::span<float> latents);

/// The clean latent that a prediction for `x`, of `sigma` noise per signal, implies.
float clean_latent(Prediction prediction, float sigma, float x, float output);

}  // namespace rankine
