#include "sample/image_request.h"

#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "diffusion/sampler.h"

namespace rankine {
namespace {

/// The random numbers of a picture; `draw` 0 is its start, the others are for samplers that add noise at every call.
void fill_noise(uint64_t seed, uint32_t draw, std::span<float> noise) {
  Rng(seed, purpose::sample, 0, draw).fill_normal(noise);
}

}  // namespace

StepShape ImageRequest::shape(const LatentSpace& space, int64_t chunks) const {
  const Size latents = space.of({width, height});
  StepShape shape;
  shape.height = latents.height;
  shape.width = latents.width;
  shape.chunks = chunks;
  shape.whole_chunks = true;
  return shape;
}

void check_request(const ImageRequest& r, const LatentSpace& space) {
  for (const auto& [name, pixels] : {std::pair{"width", r.width}, {"height", r.height}})
    check(pixels >= space.stride && pixels % space.stride == 0, "a picture's ", name, " must be a multiple of ",
          space.stride, ", got ", pixels);
  make_sampler(r.sampler, {.steps = r.steps}, make_noise_schedule());
}

ImageRequest request_of(const SamplePrompt& p, const ImageRequest& defaults, const LatentSpace& space) {
  ImageRequest request = defaults;
  request.prompt = p.prompt;
  if (p.negative_prompt) request.negative_prompt = *p.negative_prompt;
  if (p.sample_sampler) request.sampler = *p.sample_sampler;
  if (p.sample_steps) request.steps = *p.sample_steps;
  if (p.scale) request.scale = *p.scale;
  if (p.width) request.width = *p.width;
  if (p.height) request.height = *p.height;
  try {
    check_request(request, space);
  } catch (const Error& error) {
    fail(p.where, ": ", error.what());
  }
  return request;
}

std::vector<float> denoise(GuidedDenoiser& denoiser, const ImageRequest& request, const LatentSpace& space,
                           Prediction prediction, const SamplingWatch& watch) {
  const std::unique_ptr<Sampler> sampler =
      make_sampler(request.sampler, {.steps = request.steps, .prediction = prediction}, make_noise_schedule());
  std::vector<float> noise(static_cast<size_t>(request.shape(space, 1).latents() * space.channels));
  fill_noise(request.seed, 0, noise);
  return run_sampler(
      *sampler, noise,
      [&](std::span<const float> scaled, float timestep, std::span<float> out) {
        denoiser.predict(scaled, timestep, out);
      },
      [&](size_t call, std::span<float> out) { fill_noise(request.seed, static_cast<uint32_t>(call) + 1, out); },
      [&](size_t call, std::span<const float> now) {
        check(std::ranges::all_of(now, [](float x) { return std::isfinite(x); }), "sampling step ", call + 1,
              ": the latents are not finite: try less guidance, LoRAs of less strength, or fp32 instead of bf16");
        return !watch || watch(static_cast<int>(call) + 1, static_cast<int>(sampler->timesteps().size()));
      });
}

std::string parameters_text(const ImageRequest& r, const std::string& prompt_end, const std::string& model,
                            int clip_skip) {
  std::string text = r.prompt + (r.prompt.empty() || prompt_end.empty() ? "" : " ") + prompt_end;
  if (!r.negative_prompt.empty()) text += "\nNegative prompt: " + r.negative_prompt;
  text += concat_text("\nSteps: ", r.steps, ", Sampler: ", find_sampler(r.sampler).title, ", CFG scale: ", r.scale,
                      ", Seed: ", r.seed, ", Size: ", r.width, "x", r.height, ", Model: ", model);
  if (clip_skip > 1) text += concat_text(", Clip skip: ", clip_skip);
  return text;
}

}  // namespace rankine
