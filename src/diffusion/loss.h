#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "diffusion/noise_schedule.h"

namespace rankine {

/// A loss per element. `threshold` is the Huber threshold of the sample; l1 and l2 ignore it.
struct LossKind {
  std::string_view name;  ///< its name in --loss_type
  float (*value)(float difference, float threshold);
  float (*slope)(float difference, float threshold);  ///< derivative of `value` by `difference`
  bool uses_threshold;
};

std::span<const LossKind> loss_kinds();
/// Throws Error with the known names for an unknown name.
const LossKind& find_loss_kind(std::string_view name);

/// Computes the Huber threshold of a sample from its timestep. c = huber_c, scale = huber_scale, alpha =
/// alphas_cumprod.
struct HuberSchedule {
  std::string_view name;  ///< its name in --huber_schedule
  float (*threshold)(double c, double scale, int64_t timestep, int64_t timesteps, float alpha);
};

std::span<const HuberSchedule> huber_schedules();
/// Throws Error with the known names for an unknown name.
const HuberSchedule& find_huber_schedule(std::string_view name);

/// Throws Error if the timestep is outside the noise schedule.
float huber_threshold(const HuberSchedule& huber, double huber_c, double huber_scale, const NoiseSchedule& schedule,
                      int64_t timestep);

/// The mean error over one sample's elements, summed in double. `mask` is empty or has a factor per element.
float sample_loss(const LossKind& kind, std::span<const float> prediction, std::span<const float> target,
                  float threshold, std::span<const float> mask = {});

/// Averages a mask [height, width] over the blocks that each latent pixel covers -> [out_height, out_width].
std::vector<float> resize_mask_area(std::span<const float> mask, int64_t height, int64_t width, int64_t out_height,
                                    int64_t out_width);

}  // namespace rankine
