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

/// The data that a sampler keeps for one picture between steps.
struct SamplerMemory {
  std::vector<float> begin;                ///< latents before a step of several calls
  std::vector<float> sum;                  ///< of weighted outputs
  std::deque<std::vector<float>> outputs;  ///< of the last calls, newest first

  void remember(std::vector<float> output, size_t most) {
    outputs.push_front(std::move(output));
    if (outputs.size() > most) outputs.pop_back();
  }
};

/// Leads from noise to a picture's latents in `timesteps().size()` calls of the U-Net; some samplers take several calls
/// per step. Results of earlier calls are in SamplerMemory, so one sampler serves any number of pictures. Settings are
/// those of sd-scripts' previews.
class Sampler {
 public:
  virtual ~Sampler() = default;

  /// One entry per U-Net call, from noise to clean.
  const std::vector<float>& timesteps() const { return timesteps_; }
  /// The standard deviation of the initial latents: they are init_noise_sigma * normal noise.
  float init_noise_sigma() const { return init_noise_sigma_; }
  /// True if `step` reads `noise`.
  virtual bool draws_noise() const { return false; }
  /// Scales the latents in place to the U-Net's input at call `index`.
  virtual void scale_model_input(size_t index, std::span<float> latents) const;
  /// Advances the latents in place after call `index`. `model_output` is the U-Net's output for the scaled latents;
  /// `noise` is standard normal, of their size, empty unless draws_noise(). Calls come in order, with one `memory`.
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
  std::string_view name;   ///< its name in --sample_sampler
  std::string_view title;  ///< its name in A1111's web UI
  std::unique_ptr<Sampler> (*make)(const SamplerConfig&, const NoiseSchedule&);
  int least_steps = 1;
};

std::span<const SamplerKind> sampler_kinds();
/// "ddim,pndm,...", with `separator` between the names.
std::string sampler_names(std::string_view separator = ",");
/// Throws Error with the known names for an unknown name.
const SamplerKind& find_sampler(std::string_view name);
/// Throws Error if the name is unknown or `steps` is not in least_steps ... the schedule's length.
std::unique_ptr<Sampler> make_sampler(std::string_view name, const SamplerConfig& config,
                                      const NoiseSchedule& schedule);

/// Writes the U-Net's output for scaled latents; all spans have the size of the latents.
using PredictFunction =
    std::function<void(std::span<const float> scaled_latents, float timestep, std::span<float> model_output)>;
/// Fills `noise` with standard normal numbers. Samplers that draw noise call it once per U-Net call, in
/// order.
using NoiseFunction = std::function<void(size_t index, std::span<float> noise)>;
/// Receives the latents after each call; returning false ends the sampling.
using StepFunction = std::function<bool(size_t index, std::span<const float> latents)>;

/// Runs all steps from `initial_noise` (standard normal, not yet times init_noise_sigma) and returns the last latents.
/// Throws Error if the sampler needs `draw_noise` and it is missing.
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
