#include <cmath>

#include "diffusion/sampler.h"
#include "diffusion/sigma_grid.h"

namespace rankine {
namespace {

/// Midpoint steps over sigma (Karras et al. 2022, arXiv:2206.00364, after Lu et al. 2022, arXiv:2206.00927): half the
/// way in log sigma, then the whole way with the slope found there. The last step goes straight to 0. The ancestral
/// variant aims lower and adds fresh noise (k-diffusion's sample_dpm_2 and sample_dpm_2_ancestral).
class Dpm2 final : public Sampler {
 public:
  Dpm2(const SamplerConfig& config, const NoiseSchedule& schedule, bool ancestral)
      : prediction_(config.prediction), ancestral_(ancestral) {
    const SigmaGrid grid(schedule, config.steps);
    sigmas_ = grid.sigmas;
    init_noise_sigma_ = sigmas_.front();
    for (size_t k = 0; k < grid.timesteps.size(); ++k) {
      timesteps_.push_back(grid.timesteps[k]);
      AncestralStep to = {sigmas_[k + 1], 0};
      if (ancestral_) to = ancestral_step(sigmas_[k], sigmas_[k + 1]);
      steps_.push_back(to);
      const bool last = k + 1 == grid.timesteps.size();
      middles_.push_back(last ? 0.0f : std::exp((std::log(sigmas_[k]) + std::log(to.down)) / 2));
      if (!last) timesteps_.push_back(timestep_of(schedule, middles_[k]));
    }
  }

  bool draws_noise() const override { return ancestral_; }

  void scale_model_input(size_t index, std::span<float> latents) const override {
    scale_by_sigma(sigma_of_call(index), latents);
  }

  void step(size_t index, std::span<const float> model_output, std::span<float> latents, std::span<const float> noise,
            SamplerMemory& memory) const override {
    const size_t k = index / 2;
    const bool whole = index % 2 == 1;
    const float sigma = sigma_of_call(index), way = (whole ? steps_[k].down : middles_[k]) - sigmas_[k];
    if (!whole) memory.begin.assign(latents.begin(), latents.end());
    for (size_t i = 0; i < latents.size(); ++i) {
      const float slope = (latents[i] - clean_latent(prediction_, sigma, latents[i], model_output[i])) / sigma;
      latents[i] = memory.begin[i] + slope * way;
      if (whole && ancestral_) latents[i] += noise[i] * steps_[k].up;
    }
  }

 private:
  float sigma_of_call(size_t index) const { return index % 2 == 0 ? sigmas_[index / 2] : middles_[index / 2]; }

  Prediction prediction_;
  bool ancestral_;
  std::vector<float> sigmas_, middles_;  // at the start and at the midpoint of each step; 0 after the last
  std::vector<AncestralStep> steps_;     // the end of each step
};

}  // namespace

std::unique_ptr<Sampler> make_dpm_2(const SamplerConfig& config, const NoiseSchedule& schedule) {
  return std::make_unique<Dpm2>(config, schedule, false);
}

std::unique_ptr<Sampler> make_dpm_2_a(const SamplerConfig& config, const NoiseSchedule& schedule) {
  return std::make_unique<Dpm2>(config, schedule, true);
}

}  // namespace rankine
