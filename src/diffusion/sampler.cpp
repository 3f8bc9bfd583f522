#include "diffusion/sampler.h"

#include <algorithm>

#include "base/error.h"
#include "base/shortened.h"

namespace rankine {
namespace {

// The names of sd-scripts' --sample_sampler; those with k_ are aliases.
constexpr SamplerKind kinds[] = {
    {"ddim", "DDIM", make_ddim},
    {"pndm", "PLMS", make_pndm, 4},
    {"lms", "LMS", make_lms},
    {"euler", "Euler", make_euler},
    {"euler_a", "Euler a", make_euler_a},
    {"heun", "Heun", make_heun},
    {"dpm_2", "DPM2", make_dpm_2},
    {"dpm_2_a", "DPM2 a", make_dpm_2_a},
    {"dpmsolver", "DPM Solver", make_dpmsolver},
    {"dpmsolver++", "DPM++ 2M", make_dpmsolver_pp},
    {"dpmsingle", "DPM++ 2S", make_dpmsingle},
    {"k_lms", "LMS", make_lms},
    {"k_euler", "Euler", make_euler},
    {"k_euler_a", "Euler a", make_euler_a},
    {"k_dpm_2", "DPM2", make_dpm_2},
    {"k_dpm_2_a", "DPM2 a", make_dpm_2_a},
};

}  // namespace

void Sampler::scale_model_input(size_t, std::span<float>) const {}

std::span<const SamplerKind> sampler_kinds() { return kinds; }

std::string sampler_names(std::string_view separator) {
  std::string names;
  for (const SamplerKind& kind : kinds) names.append(names.empty() ? "" : separator).append(kind.name);
  return names;
}

const SamplerKind& find_sampler(std::string_view name) {
  const auto* kind = std::ranges::find(kinds, name, &SamplerKind::name);
  check(kind != std::end(kinds), "sampler: \"", shortened(name), "\" is unknown; there are ", sampler_names(", "));
  return *kind;
}

std::unique_ptr<Sampler> make_sampler(std::string_view name, const SamplerConfig& config,
                                      const NoiseSchedule& schedule) {
  const SamplerKind& kind = find_sampler(name);
  check(config.steps >= kind.least_steps && config.steps <= schedule.size(), "sampler: the steps of ", name,
        " must be between ", kind.least_steps, " and ", schedule.size(), ", got ", config.steps);
  return kind.make(config, schedule);
}

std::vector<float> run_sampler(const Sampler& sampler, std::span<const float> initial_noise,
                               const PredictFunction& predict, const NoiseFunction& draw_noise,
                               const StepFunction& after_step) {
  check(!sampler.draws_noise() || draw_noise, "sampler: this one adds noise at every step, but has no source of it");
  std::vector<float> latents(initial_noise.begin(), initial_noise.end());
  for (float& value : latents) value *= sampler.init_noise_sigma();
  std::vector<float> scaled(latents.size()), output(latents.size());
  std::vector<float> noise(sampler.draws_noise() ? latents.size() : 0);
  SamplerMemory memory;
  for (size_t i = 0; i < sampler.timesteps().size(); ++i) {
    std::copy(latents.begin(), latents.end(), scaled.begin());
    sampler.scale_model_input(i, scaled);
    predict(scaled, sampler.timesteps()[i], output);
    if (sampler.draws_noise()) draw_noise(i, noise);
    sampler.step(i, output, latents, noise, memory);
    if (after_step && !after_step(i, latents)) break;
  }
  return latents;
}

void apply_guidance(std::span<const float> unconditional, std::span<const float> conditional, float scale,
                    std::span<float> out) {
  check(unconditional.size() == conditional.size() && conditional.size() == out.size(),
        "guidance: the two predictions and the result must have one size, got ", unconditional.size(), ", ",
        conditional.size(), " and ", out.size());
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = unconditional[i] + scale * (conditional[i] - unconditional[i]);
  }
}

}  // namespace rankine
