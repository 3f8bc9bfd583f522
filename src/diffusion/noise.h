#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/rng.h"

namespace rankine {

/// Settings of noise and timesteps. Names and defaults are those of sd-scripts' options; a strength of 0 means
/// off.
struct NoiseConfig {
  std::optional<double> noise_offset = {};            ///< strength of one normal number per channel, added to the noise
  bool noise_offset_random_strength = false;          ///< each batch draws its strength from 0 to noise_offset
  std::optional<double> adaptive_noise_scale = {};    ///< times |mean of the channel's latents|, added to noise_offset
  std::optional<int> multires_noise_iterations = {};  ///< number of coarser noise levels that are added
  double multires_noise_discount = 0.3;               ///< factor from each of those levels to the next
  std::optional<double> ip_noise_gamma = {};          ///< strength of noise outside the target (arXiv:2301.11706)
  bool ip_noise_gamma_random_strength = false;        ///< each batch draws its strength from 0 to ip_noise_gamma
  bool zero_terminal_snr = false;                     ///< the last timestep carries no signal
  std::optional<int> min_timestep = {};               ///< lowest timestep; 0 when unset
  std::optional<int> max_timestep = {};               ///< one past the highest; the schedule's length when unset

  bool has_offset() const { return noise_offset.value_or(0) != 0; }
  bool has_pyramid() const { return multires_noise_iterations.value_or(0) != 0; }
  bool has_input_perturbation() const { return ip_noise_gamma.value_or(0) != 0; }
};

/// Throws Error for an option out of range, or one that contradicts another.
void check_noise(const NoiseConfig& config, int64_t timesteps);

/// Draws a timestep from min_timestep ... max_timestep - 1. If they are equal, returns that one, as sd-scripts does.
int64_t draw_timestep(const NoiseConfig& config, int64_t timesteps, Rng& rng);

/// The strength of the noise offset for each channel of one sample: `strength` plus adaptive_noise_scale times the
/// absolute mean of the channel's scaled latents [pixels, 4], at least 0 with adaptive_noise_scale.
std::vector<float> offset_strengths(const NoiseConfig& config, float strength, std::span<const float> latents);

/// A coarse level of pyramid noise over latents [height, width]. Level i is smaller by r^i, where each level draws its
/// own r in 2 ... 4; a level one pixel high or wide is the last.
struct NoiseLevel {
  int64_t height, width;
  float strength;  ///< multires_noise_discount^i
};
std::vector<NoiseLevel> noise_levels(const NoiseConfig& config, int64_t height, int64_t width, Rng& rng);

/// Adds `level` [level.height, level.width, 4] to `noise` [height, width, 4], enlarged bilinearly (pixel centres, as
/// torch's Upsample) and times the level's strength.
void add_noise_level(const NoiseLevel& level, std::span<const float> values, int64_t height, int64_t width,
                     std::span<float> noise);

/// Divides by the standard deviation over all elements (with n - 1), which brings pyramid noise back to about 1.
void divide_by_deviation(std::span<float> noise);

}  // namespace rankine
