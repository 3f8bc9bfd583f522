#include "diffusion/sampler.h"

#include <algorithm>
#include <string>

#include "base/error.h"

namespace rankine {
namespace {

// The names with k_ are sd-scripts' aliases.
constexpr SamplerKind kinds[] = {
    {"ddim", make_ddim},       {"euler", make_euler},       {"k_euler", make_euler},
    {"euler_a", make_euler_a}, {"k_euler_a", make_euler_a},
};

}  // namespace

void Sampler::scale_model_input(size_t, std::span<float>) const {}

std::span<const SamplerKind> sampler_kinds() { return kinds; }

std::unique_ptr<Sampler> make_sampler(std::string_view name, const SamplerConfig& config,
                                      const NoiseSchedule& schedule) {
  check(config.steps >= 1 && config.steps <= schedule.size(), "sampler: steps must be between 1 and ", schedule.size(),
        ", got ", config.steps);
  std::string known;
  for (const SamplerKind& kind : kinds) {
    if (kind.name == name) return kind.make(config, schedule);
    known.append(known.empty() ? "" : ", ").append(kind.name);
  }
  fail("sampler: \"", name, "\" is unknown; there are ", known);
}

std::vector<float> run_sampler(const Sampler& sampler, std::span<const float> initial_noise,
                               const PredictFunction& predict, const NoiseFunction& draw_noise,
                               const StepFunction& after_step) {
  check(!sampler.draws_noise() || draw_noise, "sampler: this one adds noise at every step, but has no source of it");
  std::vector<float> latents(initial_noise.begin(), initial_noise.end());
  for (float& value : latents) value *= sampler.init_noise_sigma();
  std::vector<float> scaled(latents.size()), output(latents.size());
  std::vector<float> noise(sampler.draws_noise() ? latents.size() : 0);
  for (size_t i = 0; i < sampler.timesteps().size(); ++i) {
    std::copy(latents.begin(), latents.end(), scaled.begin());
    sampler.scale_model_input(i, scaled);
    predict(scaled, sampler.timesteps()[i], output);
    if (sampler.draws_noise()) draw_noise(i, noise);
    sampler.step(i, output, latents, noise);
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
