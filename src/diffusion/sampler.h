#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "diffusion/loss_weighting.h"
#include "diffusion/noise_schedule.h"

namespace rankine {

/// What a sampler keeps of one picture from step to step.
struct SamplerMemory {
  std::vector<float> begin;                ///< latents before a step that takes several calls
  std::vector<float> sum;                  ///< of weighted outputs
  std::deque<std::vector<float>> outputs;  ///< of the last calls, newest first

  void remember(std::vector<float> output, size_t most) {
    outputs.push_front(std::move(output));
    if (outputs.size() > most) outputs.pop_back();
  }
};

/// A way from noise to a picture's latents in `timesteps().size()` calls of the U-Net, of which a step of some samplers
/// takes several. What it needs of earlier calls is in SamplerMemory, so one sampler serves any number of pictures.
/// Settings are those of sd-scripts' previews.
class Sampler {
 public:
  virtual ~Sampler() = default;

  /// One entry a U-Net call, from noise to clean.
  const std::vector<float>& timesteps() const { return timesteps_; }
  /// Standard deviation of the latents that the first step expects: the start is init_noise_sigma * normal noise.
  float init_noise_sigma() const { return init_noise_sigma_; }
  /// Whether `step` reads `noise`.
  virtual bool draws_noise() const { return false; }
  /// The latents as the U-Net wants them at call `index`, in place.
  virtual void scale_model_input(size_t index, std::span<float> latents) const;
  /// What follows from call `index`, in place. `model_output` is the U-Net's output for the scaled latents; `noise` is
  /// standard normal, of the latents' size, and empty unless draws_noise(). Calls come in order, with one `memory`.
  virtual void step(size_t index, std::span<const float> model_output, std::span<float> latents,
                    std::span<const float> noise, SamplerMemory& memory) const = 0;

 protected:
  std::vector<float> timesteps_;
  float init_noise_sigma_ = 1;
};

struct SamplerConfig {
  int steps = 30;
  Prediction prediction = Prediction::epsilon;
};

struct SamplerKind {
  std::string_view name;   ///< as --sample_sampler names it
  std::string_view title;  ///< as A1111's web UI shows it
  std::unique_ptr<Sampler> (*make)(const SamplerConfig&, const NoiseSchedule&);
  int least_steps = 1;
};

std::span<const SamplerKind> sampler_kinds();
/// "ddim,pndm,...", with that between the names.
std::string sampler_names(std::string_view separator = ",");
/// Throws Error when the name is unknown (known names are listed).
const SamplerKind& find_sampler(std::string_view name);
/// Throws Error when the name is unknown or `steps` is not in least_steps ... the schedule's length.
std::unique_ptr<Sampler> make_sampler(std::string_view name, const SamplerConfig& config,
                                      const NoiseSchedule& schedule);

/// Writes the U-Net's output for latents that are scaled already; all spans have the size of the latents.
using PredictFunction =
    std::function<void(std::span<const float> scaled_latents, float timestep, std::span<float> model_output)>;
/// Fills `noise` with standard normal numbers; called once for each call of the U-Net, in order, only by samplers that
/// draw noise.
using NoiseFunction = std::function<void(size_t index, std::span<float> noise)>;
/// Sees the latents after each call; returning false ends the sampling there.
using StepFunction = std::function<bool(size_t index, std::span<const float> latents)>;

/// Runs all steps from `initial_noise` (standard normal, not yet times init_noise_sigma) and returns the last latents.
/// Throws Error when the sampler needs `draw_noise` and there is none.
std::vector<float> run_sampler(const Sampler& sampler, std::span<const float> initial_noise,
                               const PredictFunction& predict, const NoiseFunction& draw_noise = {},
                               const StepFunction& after_step = {});

/// Classifier-free guidance (Ho & Salimans 2022, arXiv:2207.12598): out = u + scale * (c - u). `out` may be one of the
/// inputs.
void apply_guidance(std::span<const float> unconditional, std::span<const float> conditional, float scale,
                    std::span<float> out);

/// @name The samplers, each family in a file of its own.
/// @{
std::unique_ptr<Sampler> make_ddim(const SamplerConfig& config, const NoiseSchedule& schedule);
std::unique_ptr<Sampler> make_euler(const SamplerConfig& config, const NoiseSchedule& schedule);
std::unique_ptr<Sampler> make_euler_a(const SamplerConfig& config, const NoiseSchedule& schedule);
std::unique_ptr<Sampler> make_lms(const SamplerConfig& config, const NoiseSchedule& schedule);
std::unique_ptr<Sampler> make_heun(const SamplerConfig& config, const NoiseSchedule& schedule);
std::unique_ptr<Sampler> make_dpm_2(const SamplerConfig& config, const NoiseSchedule& schedule);
std::unique_ptr<Sampler> make_dpm_2_a(const SamplerConfig& config, const NoiseSchedule& schedule);
std::unique_ptr<Sampler> make_dpmsolver(const SamplerConfig& config, const NoiseSchedule& schedule);
std::unique_ptr<Sampler> make_dpmsolver_pp(const SamplerConfig& config, const NoiseSchedule& schedule);
std::unique_ptr<Sampler> make_dpmsingle(const SamplerConfig& config, const NoiseSchedule& schedule);
std::unique_ptr<Sampler> make_pndm(const SamplerConfig& config, const NoiseSchedule& schedule);
/// @}

}  // namespace rankine
