#include "diffusion/loss.h"

#include <cmath>

#include "base/error.h"

namespace rankine {
namespace {

float square(float d, float) { return d * d; }
float square_slope(float d, float) { return 2.0f * d; }

float absolute(float d, float) { return std::fabs(d); }
float absolute_slope(float d, float) { return static_cast<float>((d > 0) - (d < 0)); }

// Pseudo-Huber (Charbonnier et al. 1997), with the factor that makes it d^2 near 0. smooth_l1 is the same without c.
float huber(float d, float c) { return 2.0f * c * (std::sqrt(d * d + c * c) - c); }
float huber_slope(float d, float c) { return 2.0f * c * (d / std::sqrt(d * d + c * c)); }

float smooth_l1(float d, float c) { return 2.0f * (std::sqrt(d * d + c * c) - c); }
float smooth_l1_slope(float d, float c) { return 2.0f * (d / std::sqrt(d * d + c * c)); }

constexpr LossKind kinds[] = {
    {"l2", square, square_slope, false},
    {"l1", absolute, absolute_slope, false},
    {"huber", huber, huber_slope, true},
    {"smooth_l1", smooth_l1, smooth_l1_slope, true},
};

float constant(double c, double scale, int64_t, int64_t, float) { return static_cast<float>(c * scale); }

float exponential(double c, double scale, int64_t timestep, int64_t timesteps, float) {
  return static_cast<float>(std::pow(c, static_cast<double>(timestep) / static_cast<double>(timesteps)) * scale);
}

// sd-scripts ignores huber_scale here too.
float by_snr(double c, double, int64_t, int64_t, float alpha) {
  const double ratio = 1 + std::sqrt((1.0 - alpha) / alpha);
  return static_cast<float>((1 - c) / (ratio * ratio) + c);
}

constexpr HuberSchedule schedules[] = {
    {"constant", constant},
    {"exponential", exponential},
    {"snr", by_snr},
};

template <class Table>
const auto& find_by_name(const Table& table, const char* option, std::string_view name) {
  std::string known;
  for (const auto& entry : table) {
    if (entry.name == name) return entry;
    known.append(known.empty() ? "" : ", ").append(entry.name);
  }
  fail(option, ": \"", name, "\" is unknown; there are ", known);
}

}  // namespace

std::span<const LossKind> loss_kinds() { return kinds; }
const LossKind& find_loss_kind(std::string_view name) { return find_by_name(kinds, "loss_type", name); }

std::span<const HuberSchedule> huber_schedules() { return schedules; }
const HuberSchedule& find_huber_schedule(std::string_view name) {
  return find_by_name(schedules, "huber_schedule", name);
}

float huber_threshold(const HuberSchedule& huber, double huber_c, double huber_scale, const NoiseSchedule& schedule,
                      int64_t timestep) {
  check(timestep >= 0 && timestep < schedule.size(), "timestep ", timestep, " is outside the noise schedule (0 to ",
        schedule.size() - 1, ")");
  return huber.threshold(huber_c, huber_scale, timestep, schedule.size(), schedule.alphas_cumprod[timestep]);
}

float sample_loss(const LossKind& kind, std::span<const float> prediction, std::span<const float> target,
                  float threshold, std::span<const float> mask) {
  check(prediction.size() == target.size() && !target.empty(), "loss: prediction has ", prediction.size(),
        " elements, the target ", target.size());
  check(mask.empty() || mask.size() == target.size(), "loss: the mask has ", mask.size(), " elements, the target ",
        target.size());
  double sum = 0;
  for (size_t i = 0; i < target.size(); ++i) {
    const float error = kind.value(prediction[i] - target[i], threshold);
    sum += mask.empty() ? error : error * mask[i];
  }
  return static_cast<float>(sum / static_cast<double>(target.size()));
}

std::vector<float> resize_mask_area(std::span<const float> mask, int64_t height, int64_t width, int64_t out_height,
                                    int64_t out_width) {
  check(
      height > 0 && width > 0 && out_height > 0 && out_width > 0 && mask.size() == static_cast<size_t>(height * width),
      "mask of ", mask.size(), " elements cannot be [", height, ", ", width, "] resized to [", out_height, ", ",
      out_width, "]");
  std::vector<float> out(out_height * out_width);
  for (int64_t y = 0; y < out_height; ++y) {
    // A block spans the floor to the ceiling of its exact borders, so neighbours may share a row.
    const int64_t top = y * height / out_height, bottom = ((y + 1) * height + out_height - 1) / out_height;
    for (int64_t x = 0; x < out_width; ++x) {
      const int64_t left = x * width / out_width, right = ((x + 1) * width + out_width - 1) / out_width;
      double sum = 0;
      for (int64_t i = top; i < bottom; ++i) {
        for (int64_t j = left; j < right; ++j) sum += mask[i * width + j];
      }
      out[y * out_width + x] = static_cast<float>(sum / static_cast<double>((bottom - top) * (right - left)));
    }
  }
  return out;
}

}  // namespace rankine
