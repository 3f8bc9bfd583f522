#include "diffusion/noise_schedule.h"

#include <cmath>

#include "base/error.h"

namespace rankine {
namespace {

// Computes from both ends towards the middle with one rounding per element, as torch.linspace does: only so the
// recorded tables agree to the last bit.
std::vector<float> linspace(float start, float end, int64_t count) {
  std::vector<float> line(count, start);
  if (count < 2) return line;
  const float step = (end - start) / static_cast<float>(count - 1);
  for (int64_t i = 0; i < count; ++i) {
    line[i] = i < count / 2 ? std::fma(static_cast<float>(i), step, start)
                            : std::fma(-static_cast<float>(count - 1 - i), step, end);
  }
  return line;
}

// Products of (1 - beta), kept in double and rounded element by element.
std::vector<float> cumulative_alphas(const std::vector<float>& betas) {
  std::vector<float> products(betas.size());
  double product = 1;
  for (size_t i = 0; i < betas.size(); ++i) {
    product *= 1.0f - betas[i];
    products[i] = static_cast<float>(product);
  }
  return products;
}

std::vector<float> signal_to_noise(const std::vector<float>& alphas_cumprod) {
  std::vector<float> snr(alphas_cumprod.size());
  for (size_t i = 0; i < snr.size(); ++i) {
    const float ratio = std::sqrt(alphas_cumprod[i]) / std::sqrt(1.0f - alphas_cumprod[i]);
    snr[i] = ratio * ratio;
  }
  return snr;
}

std::vector<float> betas_with_zero_terminal_snr(const std::vector<float>& alphas_cumprod) {
  std::vector<float> bar(alphas_cumprod.size());
  const float first = std::sqrt(alphas_cumprod.front());
  const float last = std::sqrt(alphas_cumprod.back());
  const float scale = first / (first - last);
  for (size_t i = 0; i < bar.size(); ++i) {
    const float root = (std::sqrt(alphas_cumprod[i]) - last) * scale;
    bar[i] = root * root;
  }
  std::vector<float> betas(bar.size());
  for (size_t i = 0; i < bar.size(); ++i) betas[i] = 1.0f - (i == 0 ? bar[0] : bar[i] / bar[i - 1]);
  return betas;
}

void check_sizes(const char* where, size_t latents, size_t noise, size_t out) {
  check(latents == noise && noise == out, where, ": latents, noise and result must have one size, got ", latents, ", ",
        noise, " and ", out);
}

}  // namespace

NoiseSchedule make_noise_schedule(const NoiseScheduleConfig& config) {
  check(config.num_train_timesteps > 1, "noise schedule: at least 2 timesteps are needed, got ",
        config.num_train_timesteps);
  check(config.beta_start > 0 && config.beta_start < config.beta_end && config.beta_end < 1,
        "noise schedule: 0 < beta_start < beta_end < 1 is required, got ", config.beta_start, " and ", config.beta_end);
  NoiseSchedule schedule;
  schedule.betas = linspace(static_cast<float>(std::sqrt(config.beta_start)),
                            static_cast<float>(std::sqrt(config.beta_end)), config.num_train_timesteps);
  for (float& beta : schedule.betas) beta *= beta;
  schedule.alphas_cumprod = cumulative_alphas(schedule.betas);
  schedule.all_snr = signal_to_noise(schedule.alphas_cumprod);
  if (config.zero_terminal_snr) {
    schedule.betas = betas_with_zero_terminal_snr(schedule.alphas_cumprod);
    schedule.alphas_cumprod = cumulative_alphas(schedule.betas);
  }
  return schedule;
}

NoiseMix noise_mix(const NoiseSchedule& schedule, int64_t timestep) {
  check(timestep >= 0 && timestep < schedule.size(), "timestep ", timestep, " is outside the noise schedule (0 to ",
        schedule.size() - 1, ")");
  const float alpha = schedule.alphas_cumprod[timestep];
  return {std::sqrt(alpha), std::sqrt(1.0f - alpha)};
}

void add_noise(const NoiseMix& mix, std::span<const float> latents, std::span<const float> noise,
               std::span<float> out) {
  check_sizes("add_noise", latents.size(), noise.size(), out.size());
  for (size_t i = 0; i < out.size(); ++i) out[i] = mix.signal * latents[i] + mix.noise * noise[i];
}

void velocity(const NoiseMix& mix, std::span<const float> latents, std::span<const float> noise, std::span<float> out) {
  check_sizes("velocity", latents.size(), noise.size(), out.size());
  for (size_t i = 0; i < out.size(); ++i) out[i] = mix.signal * noise[i] - mix.noise * latents[i];
}

}  // namespace rankine
