#include <cmath>

#include "diffusion/sampler.h"

namespace rankine {
namespace {

/// Euler steps of the probability-flow ODE over sigma (Karras et al. 2022, arXiv:2206.00364, algorithm 2 without
/// churn), and its ancestral variant, which adds fresh noise after each step (k-diffusion's sample_euler_ancestral).
class Euler final : public Sampler {
 public:
  Euler(const SamplerConfig& config, const NoiseSchedule& schedule, bool ancestral)
      : prediction_(config.prediction), ancestral_(ancestral) {
    const int64_t last = schedule.size() - 1;
    const auto sigma_at = [&](int64_t timestep) {
      const float alpha = schedule.alphas_cumprod[timestep];
      return std::sqrt((1.0f - alpha) / alpha);
    };
    // Evenly spaced from the last timestep to 0; sigmas between two timesteps lie on the straight line.
    for (int64_t k = config.steps - 1; k >= 0; --k) {
      const double exact = config.steps == 1 ? 0.0 : static_cast<double>(k) * last / (config.steps - 1);
      const auto timestep = static_cast<float>(exact);
      const auto below = static_cast<int64_t>(timestep);
      double sigma = sigma_at(below);
      if (below < last) sigma += (static_cast<double>(sigma_at(below + 1)) - sigma) * (timestep - below);
      timesteps_.push_back(timestep);
      sigmas_.push_back(static_cast<float>(sigma));
    }
    init_noise_sigma_ = sigmas_.front();
    sigmas_.push_back(0);
  }

  bool draws_noise() const override { return ancestral_; }

  void scale_model_input(size_t index, std::span<float> latents) const override {
    const float scale = std::sqrt(sigmas_[index] * sigmas_[index] + 1.0f);
    for (float& value : latents) value /= scale;
  }

  void step(size_t index, std::span<const float> model_output, std::span<float> latents,
            std::span<const float> noise) const override {
    const float sigma = sigmas_[index], next = sigmas_[index + 1];
    float up = 0, down = next;
    if (ancestral_) {
      up = std::sqrt(next * next * (sigma * sigma - next * next) / (sigma * sigma));
      down = std::sqrt(next * next - up * up);
    }
    const float square = sigma * sigma + 1.0f;
    for (size_t i = 0; i < latents.size(); ++i) {
      const float x = latents[i], out = model_output[i];
      const float clean =
          prediction_ == Prediction::v ? out * (-sigma / std::sqrt(square)) + x / square : x - sigma * out;
      latents[i] = x + (x - clean) / sigma * (down - sigma);
      if (ancestral_) latents[i] += noise[i] * up;
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
