#include <algorithm>

#include "diffusion/sampler.h"
#include "diffusion/sigma_grid.h"

namespace rankine {
namespace {

/// Heun's second-order steps over sigma (Karras et al. 2022, arXiv:2206.00364, algorithm 1 without churn): an Euler
/// step, then the step again with the mean of the slopes at both ends; the last one is an Euler step alone. Predicted
/// clean latents are clipped to [-1, 1], as in sd-scripts' previews.
class Heun final : public Sampler {
 public:
  Heun(const SamplerConfig& config, const NoiseSchedule& schedule) : prediction_(config.prediction) {
    const SigmaGrid grid(schedule, config.steps);
    sigmas_ = grid.sigmas;
    init_noise_sigma_ = sigmas_.front();
    timesteps_.push_back(grid.timesteps.front());
    for (size_t k = 1; k < grid.timesteps.size(); ++k) timesteps_.insert(timesteps_.end(), 2, grid.timesteps[k]);
  }

  void scale_model_input(size_t index, std::span<float> latents) const override {
    scale_by_sigma(sigmas_[(index + 1) / 2], latents);
  }

  void step(size_t index, std::span<const float> model_output, std::span<float> latents, std::span<const float>,
            SamplerMemory& memory) const override {
    const bool corrects = index % 2 == 1;
    const float begin = sigmas_[index / 2], end = sigmas_[index / 2 + 1], sigma = corrects ? end : begin;
    std::vector<float> slope(latents.size());
    for (size_t i = 0; i < latents.size(); ++i) {
      const float clean = std::clamp(clean_latent(prediction_, sigma, latents[i], model_output[i]), -1.0f, 1.0f);
      slope[i] = (latents[i] - clean) / sigma;
    }
    if (!corrects) memory.begin.assign(latents.begin(), latents.end());
    for (size_t i = 0; i < latents.size(); ++i) {
      const float mean = corrects ? (memory.outputs[0][i] + slope[i]) / 2 : slope[i];
      latents[i] = memory.begin[i] + mean * (end - begin);
    }
    memory.remember(std::move(slope), 1);
  }

 private:
  Prediction prediction_;
  std::vector<float> sigmas_;  // of each pair of calls, and 0 after the last
};

}  // namespace

std::unique_ptr<Sampler> make_heun(const SamplerConfig& config, const NoiseSchedule& schedule) {
  return std::make_unique<Heun>(config, schedule);
}

}  // namespace rankine
