#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace rankine {

/// The discrete variance schedule of Stable Diffusion: one entry per timestep, 0 = nearly clean, last = nearly pure
/// noise.
struct NoiseSchedule {
  std::vector<float> betas;           ///< variance added at each timestep
  std::vector<float> alphas_cumprod;  ///< share of the signal's variance that remains
  /// alphas_cumprod / (1 - alphas_cumprod), before any rescaling to zero terminal SNR. The loss weights use this table,
  /// and sd-scripts computes it before the rescaling.
  std::vector<float> all_snr;

  int64_t size() const { return static_cast<int64_t>(betas.size()); }
};

struct NoiseScheduleConfig {
  int64_t num_train_timesteps = 1000;
  double beta_start = 0.00085;
  double beta_end = 0.012;
  /// Shift and scale sqrt(alphas_cumprod) so that the last timestep carries no signal (Lin et al. 2023,
  /// arXiv:2305.08891, algorithm 1).
  bool zero_terminal_snr = false;
};

/// "scaled_linear": betas are the squares of a straight line from sqrt(beta_start) to sqrt(beta_end).
NoiseSchedule make_noise_schedule(const NoiseScheduleConfig& config = {});

/// noisy = signal * latents + noise * noise (Ho et al. 2020, arXiv:2006.11239, eq. 4).
/// The v target swaps them: signal * noise - noise * latents (Salimans & Ho 2022, arXiv:2202.00512).
struct NoiseMix {
  float signal;  ///< sqrt(alphas_cumprod[t])
  float noise;   ///< sqrt(1 - alphas_cumprod[t])
};

/// Throws Error if the timestep is outside the schedule.
NoiseMix noise_mix(const NoiseSchedule& schedule, int64_t timestep);

/// out = signal * latents + noise * noise per element; all spans have one size.
void add_noise(const NoiseMix& mix, std::span<const float> latents, std::span<const float> noise, std::span<float> out);
/// The target of v-prediction: out = signal * noise - noise * latents.
void velocity(const NoiseMix& mix, std::span<const float> latents, std::span<const float> noise, std::span<float> out);

}  // namespace rankine
