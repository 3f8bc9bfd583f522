#include "diffusion/noise.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace rankine {
namespace {

constexpr int64_t kChannels = 4;

/// The position of a pixel of an enlarged axis in the small one.
struct Tap {
  int64_t low, high;
  float weight;  ///< of `high`
};

Tap tap(int64_t at, int64_t size, int64_t small) {
  const double center =
      std::max(0.0, (static_cast<double>(at) + 0.5) * static_cast<double>(small) / static_cast<double>(size) - 0.5);
  const auto low = std::min(static_cast<int64_t>(center), small - 1);
  return {low, std::min(low + 1, small - 1), static_cast<float>(center - static_cast<double>(low))};
}

int64_t first_timestep(const NoiseConfig& c) { return c.min_timestep.value_or(0); }
int64_t end_timestep(const NoiseConfig& c, int64_t timesteps) { return c.max_timestep.value_or(timesteps); }

}  // namespace

void check_noise(const NoiseConfig& c, int64_t timesteps) {
  check(c.adaptive_noise_scale.value_or(0) == 0 || c.noise_offset,
        "--adaptive_noise_scale changes the strength of --noise_offset, which is not given");
  check(c.ip_noise_gamma.value_or(0) >= 0, "--ip_noise_gamma must be at least 0, got ", c.ip_noise_gamma.value_or(0));
  check(c.multires_noise_iterations.value_or(0) >= 0, "--multires_noise_iterations must be at least 0, got ",
        c.multires_noise_iterations.value_or(0));
  const int64_t first = first_timestep(c), end = end_timestep(c, timesteps);
  check(first >= 0 && first < timesteps, "--min_timestep must be 0 to ", timesteps - 1, ", got ", first);
  check(end <= timesteps && end >= first, "--max_timestep is one past the highest timestep drawn: it must be ", first,
        " (--min_timestep) to ", timesteps, ", got ", end);
}

int64_t draw_timestep(const NoiseConfig& config, int64_t timesteps, Rng& rng) {
  const int64_t first = first_timestep(config), count = end_timestep(config, timesteps) - first;
  return first + (count > 0 ? rng.below(static_cast<uint32_t>(count)) : 0);
}

std::vector<float> offset_strengths(const NoiseConfig& config, float strength, std::span<const float> latents) {
  std::vector<float> strengths(kChannels, strength);
  if (!config.adaptive_noise_scale) return strengths;
  const auto factor = static_cast<float>(*config.adaptive_noise_scale);
  for (size_t channel = 0; channel < strengths.size(); ++channel) {
    double sum = 0;
    for (size_t i = channel; i < latents.size(); i += strengths.size()) sum += latents[i];
    const auto mean = static_cast<float>(sum / static_cast<double>(latents.size() / strengths.size()));
    strengths[channel] = std::max(0.0f, strength + factor * std::fabs(mean));
  }
  return strengths;
}

std::vector<NoiseLevel> noise_levels(const NoiseConfig& config, int64_t height, int64_t width, Rng& rng) {
  std::vector<NoiseLevel> levels;
  for (int i = 0; i < config.multires_noise_iterations.value_or(0); ++i) {
    const double shrink = std::pow(rng.uniform() * 2.0 + 2.0, i);
    const auto shrunk = [&](int64_t size) {
      return std::max(int64_t{1}, static_cast<int64_t>(static_cast<double>(size) / shrink));
    };
    levels.push_back({shrunk(height), shrunk(width), static_cast<float>(std::pow(config.multires_noise_discount, i))});
    if (levels.back().height == 1 || levels.back().width == 1) break;
  }
  return levels;
}

void add_noise_level(const NoiseLevel& level, std::span<const float> values, int64_t height, int64_t width,
                     std::span<float> noise) {
  check(values.size() == static_cast<size_t>(level.height * level.width * kChannels) &&
            noise.size() == static_cast<size_t>(height * width * kChannels),
        "a level of noise has another size than its values");
  const auto value = [&](int64_t y, int64_t x, int64_t c) { return values[(y * level.width + x) * kChannels + c]; };
  for (int64_t y = 0; y < height; ++y) {
    const Tap v = tap(y, height, level.height);
    for (int64_t x = 0; x < width; ++x) {
      const Tap h = tap(x, width, level.width);
      for (int64_t c = 0; c < kChannels; ++c) {
        const float top = (1 - h.weight) * value(v.low, h.low, c) + h.weight * value(v.low, h.high, c);
        const float bottom = (1 - h.weight) * value(v.high, h.low, c) + h.weight * value(v.high, h.high, c);
        noise[(y * width + x) * kChannels + c] += level.strength * ((1 - v.weight) * top + v.weight * bottom);
      }
    }
  }
}

void divide_by_deviation(std::span<float> noise) {
  double sum = 0, squares = 0;
  for (const float x : noise) sum += x;
  const double mean = sum / static_cast<double>(noise.size());
  for (const float x : noise) squares += (x - mean) * (x - mean);
  const auto factor = static_cast<float>(1 / std::sqrt(squares / static_cast<double>(noise.size() - 1)));
  for (float& x : noise) x *= factor;
}

}  // namespace rankine
