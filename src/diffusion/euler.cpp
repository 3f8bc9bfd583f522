#include <cmath>

#include "diffusion/sampler.h"
#include "diffusion/sigma_grid.h"

namespace rankine {
namespace {

/// Euler steps of the probability-flow ODE over sigma (Karras et al. 2022, arXiv:2206.00364, algorithm 2 without
/// churn), and its ancestral variant, which adds fresh noise after each step (k-diffusion's sample_euler_ancestral).
class Euler final : public Sampler {
 public:
  Euler(const SamplerConfig& config, const NoiseSchedule& schedule, bool ancestral)
      : prediction_(config.prediction), ancestral_(ancestral) {
    const SigmaGrid grid(schedule, config.steps);
    timesteps_ = grid.timesteps;
    sigmas_ = grid.sigmas;
    init_noise_sigma_ = sigmas_.front();
  }

  bool draws_noise() const override { return ancestral_; }

  void scale_model_input(size_t index, std::span<float> latents) const override {
    scale_by_sigma(sigmas_[index], latents);
  }

  void step(size_t index, std::span<const float> model_output, std::span<float> latents, std::span<const float> noise,
            SamplerMemory&) const override {
    const float sigma = sigmas_[index];
    const AncestralStep next = ancestral_step(sigma, sigmas_[index + 1]);
    const float down = ancestral_ ? next.down : sigmas_[index + 1];
    for (size_t i = 0; i < latents.size(); ++i) {
      const float x = latents[i], clean = clean_latent(prediction_, sigma, x, model_output[i]);
      latents[i] = x + (x - clean) / sigma * (down - sigma);
      if (ancestral_) latents[i] += noise[i] * next.up;
    }
  }

 private:
  Prediction prediction_;
  bool ancestral_;
  std::vector<float> sigmas_;  // noise per signal at each step, and 0 after the last
};

}  // namespace

std::unique_ptr<Sampler> make_euler(const SamplerConfig& config, const NoiseSchedule& schedule) {
  return std::make_unique<Euler>(config, schedule, false);
}

std::unique_ptr<Sampler> make_euler_a(const SamplerConfig& config, const NoiseSchedule& schedule) {
  return std::make_unique<Euler>(config, schedule, true);
}

}  // namespace rankine
