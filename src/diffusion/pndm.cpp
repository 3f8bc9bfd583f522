#include <cmath>

#include "diffusion/sampler.h"

namespace rankine {
namespace {

constexpr size_t kRungeKuttaSteps = 3, kCalls = 4;  // at the start; of the U-Net in each

/// Pseudo numerical methods on the manifold of noise levels (Liu et al. 2022, arXiv:2202.09778): three steps of
/// Runge-Kutta, four calls each, then linear multistep of order 4. Like diffusers' PNDMScheduler, it combines raw
/// predictions, and converts v-predictions to noise with the step's first timestep.
class Pndm final : public Sampler {
 public:
  Pndm(const SamplerConfig& config, const NoiseSchedule& schedule) : prediction_(config.prediction) {
    const int64_t stride = schedule.size() / config.steps, half = stride / 2;
    const auto alpha = [&](int64_t timestep) {
      return schedule.alphas_cumprod[static_cast<size_t>(timestep < 0 ? 0 : timestep)];
    };
    const auto add = [&](int64_t timestep, int64_t from, int64_t to) {
      timesteps_.push_back(static_cast<float>(timestep));
      steps_.push_back({alpha(from), alpha(to)});
    };
    // Leading spacing: 0, stride, 2 stride ... from the last one down.
    int64_t from = (config.steps - 1) * stride;
    for (size_t k = 0; k < kRungeKuttaSteps; ++k, from -= stride) {
      const int64_t middle = from - stride + half;  // an odd stride is halved downwards from its end
      add(from, from, from - half);
      add(middle, from, middle);
      add(middle, from, middle - half);
      add(from - stride, from, from - stride);
    }
    for (; from >= 0; from -= stride) add(from, from, from - stride);
  }

  void step(size_t index, std::span<const float> model_output, std::span<float> latents, std::span<const float>,
            SamplerMemory& memory) const override {
    if (index < kRungeKuttaSteps * kCalls) {
      runge_kutta(index, model_output, latents, memory);
    } else {
      multistep(index, model_output, latents, memory);
    }
  }

 private:
  /// The share of the signal's variance at the start and the end of a call's step.
  struct Step {
    double from, to;
  };

  void runge_kutta(size_t index, std::span<const float> output, std::span<float> latents, SamplerMemory& memory) const {
    constexpr float weights[kCalls] = {1.0f / 6, 1.0f / 3, 1.0f / 3, 1.0f / 6};
    const size_t call = index % kCalls;
    if (call == 0) {
      memory.begin.assign(latents.begin(), latents.end());
      memory.sum.assign(latents.size(), 0);
      memory.remember({output.begin(), output.end()}, kCalls);
    }
    for (size_t i = 0; i < output.size(); ++i) memory.sum[i] += weights[call] * output[i];
    move(steps_[index], memory.begin, call == kCalls - 1 ? memory.sum : output, latents);
  }

  void multistep(size_t index, std::span<const float> output, std::span<float> latents, SamplerMemory& memory) const {
    memory.remember({output.begin(), output.end()}, kCalls);
    const auto& e = memory.outputs;
    memory.sum.resize(latents.size());
    for (size_t i = 0; i < latents.size(); ++i)
      memory.sum[i] = (55 * e[0][i] - 59 * e[1][i] + 37 * e[2][i] - 9 * e[3][i]) / 24;
    move(steps_[index], latents, memory.sum, latents);
  }

  /// Eq. 9 of the paper, x + its right side.
  void move(const Step& step, std::span<const float> begin, std::span<const float> output, std::span<float> out) const {
    const double scale = std::sqrt(step.to / step.from);
    const double share =
        (step.to - step.from) / (step.from * std::sqrt(1 - step.to) + std::sqrt(step.from * (1 - step.from) * step.to));
    const double signal = std::sqrt(step.from), noise = std::sqrt(1 - step.from);
    for (size_t i = 0; i < out.size(); ++i) {
      const double x = begin[i];
      const double epsilon = prediction_ == Prediction::v ? signal * output[i] + noise * x : output[i];
      out[i] = static_cast<float>(scale * x - share * epsilon);
    }
  }

  Prediction prediction_;
  std::vector<Step> steps_;  // of each call
};

}  // namespace

std::unique_ptr<Sampler> make_pndm(const SamplerConfig& config, const NoiseSchedule& schedule) {
  return std::make_unique<Pndm>(config, schedule);
}

}  // namespace rankine
