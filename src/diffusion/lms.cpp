#include <algorithm>
#include <cmath>

#include "diffusion/sampler.h"
#include "diffusion/sigma_grid.h"

namespace rankine {
namespace {

/// Linear multistep (Adams-Bashforth) over sigma, of order 4: a polynomial through the last derivatives is integrated
/// over the step (k-diffusion's sample_lms).
class Lms final : public Sampler {
 public:
  Lms(const SamplerConfig& config, const NoiseSchedule& schedule) : prediction_(config.prediction) {
    const SigmaGrid grid(schedule, config.steps);
    timesteps_ = grid.timesteps;
    sigmas_ = grid.sigmas;
    init_noise_sigma_ = sigmas_.front();
  }

  void scale_model_input(size_t index, std::span<float> latents) const override {
    scale_by_sigma(sigmas_[index], latents);
  }

  void step(size_t index, std::span<const float> model_output, std::span<float> latents, std::span<const float>,
            SamplerMemory& memory) const override {
    const float sigma = sigmas_[index];
    std::vector<float> derivative(latents.size());
    for (size_t i = 0; i < latents.size(); ++i)
      derivative[i] = (latents[i] - clean_latent(prediction_, sigma, latents[i], model_output[i])) / sigma;
    memory.remember(std::move(derivative), kOrder);
    for (size_t k = 0; k < memory.outputs.size(); ++k) {
      const float weight = coefficient(index, k, memory.outputs.size());
      for (size_t i = 0; i < latents.size(); ++i) latents[i] += weight * memory.outputs[k][i];
    }
  }

 private:
  static constexpr size_t kOrder = 4;

  /// The integral over step `index` of the Lagrange polynomial of the `k`-th newest of the last `order` derivatives.
  /// Its degree is at most 3, so two Gauss points integrate it exactly.
  float coefficient(size_t index, size_t k, size_t order) const {
    const double begin = sigmas_[index], end = sigmas_[index + 1];
    double sum = 0;
    for (const double point : {-1 / std::sqrt(3.0), 1 / std::sqrt(3.0)}) {
      const double at = (begin + end) / 2 + (end - begin) / 2 * point;
      double product = 1;
      for (size_t j = 0; j < order; ++j)
        if (j != k)
          product *= (at - sigmas_[index - j]) / (static_cast<double>(sigmas_[index - k]) - sigmas_[index - j]);
      sum += product;
    }
    return static_cast<float>(sum * (end - begin) / 2);
  }

  Prediction prediction_;
  std::vector<float> sigmas_;  // of each step, and 0 after the last
};

}  // namespace

std::unique_ptr<Sampler> make_lms(const SamplerConfig& config, const NoiseSchedule& schedule) {
  return std::make_unique<Lms>(config, schedule);
}

}  // namespace rankine
