#include <algorithm>
#include <cmath>

#include "diffusion/sampler.h"

namespace rankine {
namespace {

/// Song et al. 2020, arXiv:2010.02502, eq. 12 with sigma = 0. As in sd-scripts' previews, the predicted clean latents
/// are clipped to [-1, 1], and the predicted noise is not computed again from them.
class Ddim final : public Sampler {
 public:
  Ddim(const SamplerConfig& config, const NoiseSchedule& schedule) : prediction_(config.prediction) {
    // "Leading" spacing without an offset: 0, stride, 2 stride, ... read backwards, so the last one is 0.
    const int64_t stride = schedule.size() / config.steps;
    for (int64_t k = config.steps - 1; k >= 0; --k) {
      const int64_t timestep = k * stride, previous = timestep - stride;
      timesteps_.push_back(static_cast<float>(timestep));
      alphas_.push_back(schedule.alphas_cumprod[timestep]);
      alphas_after_.push_back(previous >= 0 ? schedule.alphas_cumprod[previous] : 1.0f);
    }
  }

  void step(size_t index, std::span<const float> model_output, std::span<float> latents, std::span<const float>,
            SamplerMemory&) const override {
    const float signal = std::sqrt(alphas_[index]), noise = std::sqrt(1.0f - alphas_[index]);
    const float signal_after = std::sqrt(alphas_after_[index]), noise_after = std::sqrt(1.0f - alphas_after_[index]);
    for (size_t i = 0; i < latents.size(); ++i) {
      const float x = latents[i], out = model_output[i];
      const bool v = prediction_ == Prediction::v;
      const float clean = v ? signal * x - noise * out : (x - noise * out) / signal;
      const float epsilon = v ? signal * out + noise * x : out;
      latents[i] = signal_after * std::clamp(clean, -1.0f, 1.0f) + noise_after * epsilon;
    }
  }

 private:
  Prediction prediction_;
  std::vector<float> alphas_, alphas_after_;  // at each step's timestep, and at the next one
};

}  // namespace

std::unique_ptr<Sampler> make_ddim(const SamplerConfig& config, const NoiseSchedule& schedule) {
  return std::make_unique<Ddim>(config, schedule);
}

}  // namespace rankine
