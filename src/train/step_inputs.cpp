#include "train/step_inputs.h"

#include <algorithm>
#include <span>

#include "base/error.h"
#include "base/rng.h"
#include "diffusion/loss_weighting.h"
#include "models/vae/vae.h"

namespace rankine {
namespace {

constexpr size_t kChannels = 4;

/// Sample `n` of a list that holds all of them.
template <class T>
std::span<T> part(std::span<T> all, size_t n, size_t samples) {
  const size_t size = all.size() / samples;
  return all.subspan(n * size, size);
}

}  // namespace

StepInputs make_step_inputs(const StepData& data, const LossConfig& loss, const NoiseSchedule& schedule) {
  const auto samples = static_cast<size_t>(data.shape.batch), elements = static_cast<size_t>(data.shape.latents());
  check(data.latents.size() == elements && data.noise.size() == elements && data.timesteps.size() == samples &&
            data.loss_weights.size() == samples,
        "a batch of ", samples, " samples was given data of another size");
  std::vector<float> latents = data.latents, noise = data.noise;
  for (float& x : latents) x *= kVaeScale;
  if (!data.offset_noise.empty()) {
    const auto strength = static_cast<float>(loss.noise_offset.value_or(0));
    for (size_t i = 0; i < elements; ++i)
      noise[i] += strength * data.offset_noise[i / (elements / samples) * kChannels + i % kChannels];
  }

  StepInputs in;
  in.shape = data.shape;
  in.ids = data.ids;
  in.loss_weights = data.loss_weights;
  in.noisy_latents.resize(elements);
  in.target.resize(elements);
  for (size_t n = 0; n < samples; ++n) {
    const int64_t t = data.timesteps[n];
    const NoiseMix mix = noise_mix(schedule, t);
    const auto x = part(std::span<const float>(latents), n, samples);
    const auto e = part(std::span<const float>(noise), n, samples);
    add_noise(mix, x, e, part(std::span(in.noisy_latents), n, samples));
    const auto target = part(std::span(in.target), n, samples);
    if (loss.weighting.prediction == Prediction::v) {
      velocity(mix, x, e, target);
    } else {
      std::ranges::copy(e, target.begin());
    }
    in.timesteps.push_back(static_cast<float>(t));
    in.loss_weights[n] *= loss_weight(loss.weighting, schedule, t);
  }
  return in;
}

void draw_noise(StepData& data, uint64_t seed, int64_t micro_batch, const LossConfig& loss,
                const NoiseSchedule& schedule) {
  const auto samples = static_cast<size_t>(data.shape.batch);
  const bool has_offset = loss.noise_offset.value_or(0) != 0;
  data.noise.resize(static_cast<size_t>(data.shape.latents()));
  data.offset_noise.resize(has_offset ? samples * kChannels : 0);
  data.timesteps.resize(samples);
  for (size_t n = 0; n < samples; ++n) {
    const auto stream = [&](uint32_t purpose) {
      return Rng(seed, purpose, static_cast<uint64_t>(micro_batch), static_cast<uint32_t>(n));
    };
    stream(purpose::noise).fill_normal(part(std::span(data.noise), n, samples));
    data.timesteps[n] = stream(purpose::timesteps).below(static_cast<uint32_t>(schedule.size()));
    if (has_offset) stream(purpose::noise_offset).fill_normal(part(std::span(data.offset_noise), n, samples));
  }
}

}  // namespace rankine
