#include "step/step_inputs.h"

#include <algorithm>
#include <span>

#include "base/error.h"
#include "base/rng.h"
#include "diffusion/loss.h"
#include "diffusion/loss_weighting.h"

namespace rankine {
namespace {

/// Sample `n` of a list that holds all of them.
template <class T>
std::span<T> part(std::span<T> all, size_t n, size_t samples) {
  const size_t size = all.size() / samples;
  return all.subspan(n * size, size);
}

/// The noise that the network is to find: with offset and coarse levels.
std::vector<float> whole_noise(const StepData& data, size_t channels, const NoiseConfig& config,
                               std::span<const float> latents) {
  std::vector<float> noise = data.noise;
  const auto samples = static_cast<size_t>(data.shape.batch), size = noise.size() / samples;
  const float strength = data.offset_share * static_cast<float>(config.noise_offset.value_or(0));
  for (size_t n = 0; n < samples && !data.offset_noise.empty(); ++n) {
    const std::vector<float> strengths = offset_strengths(config, strength, part(latents, n, samples));
    for (size_t i = 0; i < size; ++i)
      noise[n * size + i] += strengths[i % channels] * data.offset_noise[n * channels + i % channels];
  }
  if (data.pyramid_noise.empty()) return noise;
  for (size_t i = 0; i < noise.size(); ++i) noise[i] += data.pyramid_noise[i];
  divide_by_deviation(noise);
  return noise;
}

/// Appends `more` to `all`.
template <class T>
void append(std::vector<T>& all, std::span<const T> more) {
  all.insert(all.end(), more.begin(), more.end());
}

}  // namespace

StepData empty_batch(const LatentSpace& space, Size picture, int64_t chunks) {
  const Size size = space.of(picture);
  StepData data;
  data.shape = {.batch = 0, .height = size.height, .width = size.width, .chunks = chunks};
  return data;
}

void add_sample(StepData& data, const Model& model, bool weighted_captions, const StepSample& sample) {
  const auto places = static_cast<size_t>(data.shape.height * data.shape.width);
  const size_t masked_before = static_cast<size_t>(data.shape.batch) * places;
  append(data.latents, sample.latents);
  const CaptionTokens tokens = model.tokenize(sample.caption, data.shape.chunks, weighted_captions);
  append<int32_t>(data.ids, tokens.ids);
  append<float>(data.token_weights, tokens.weights);
  append<float>(data.sizes, size_numbers(sample.sizes));
  data.loss_weights.push_back(sample.loss_weight);
  // The first sample with a mask gives all samples one.
  if (!sample.loss_mask.empty()) data.loss_mask.resize(masked_before, 1.0f);
  append(data.loss_mask, sample.loss_mask);
  if (sample.loss_mask.empty() && !data.loss_mask.empty()) data.loss_mask.resize(masked_before + places, 1.0f);
  ++data.shape.batch;
}

StepInputs make_step_inputs(const StepData& data, const LatentSpace& space, const LossConfig& loss,
                            const NoiseSchedule& schedule) {
  const auto samples = static_cast<size_t>(data.shape.batch), channels = static_cast<size_t>(space.channels);
  const size_t elements = static_cast<size_t>(data.shape.latents()) * channels;
  check(data.latents.size() == elements && data.noise.size() == elements && data.timesteps.size() == samples &&
            data.loss_weights.size() == samples,
        "a batch of ", samples, " samples was given data of another size");
  std::vector<float> latents = data.latents;
  for (float& x : latents) x *= space.scale;
  const std::vector<float> noise = whole_noise(data, channels, loss.noise, latents);
  const HuberSchedule& huber = find_huber_schedule(loss.huber_schedule);

  StepInputs in;
  in.shape = data.shape;
  in.ids = data.ids;
  in.sizes = data.sizes;
  in.token_weights = data.token_weights;
  in.loss_weights = data.loss_weights;
  in.loss_mask = data.loss_mask;
  in.noisy_latents.resize(elements);
  in.target.resize(elements);
  for (size_t n = 0; n < samples; ++n) {
    const int64_t t = data.timesteps[n];
    const NoiseMix mix = noise_mix(schedule, t);
    const auto x = part(std::span<const float>(latents), n, samples);
    const auto e = part(std::span<const float>(noise), n, samples);
    std::vector<float> disturbed(e.begin(), e.end());
    if (!data.ip_noise.empty()) {
      const float gamma = data.ip_share * static_cast<float>(loss.noise.ip_noise_gamma.value_or(0));
      const auto more = part(std::span(data.ip_noise), n, samples);
      for (size_t i = 0; i < disturbed.size(); ++i) disturbed[i] += gamma * more[i];
    }
    add_noise(mix, x, disturbed, part(std::span(in.noisy_latents), n, samples));
    const auto target = part(std::span(in.target), n, samples);
    if (loss.weighting.prediction == Prediction::v) {
      velocity(mix, x, e, target);
    } else {
      std::ranges::copy(e, target.begin());
    }
    in.timesteps.push_back(static_cast<float>(t));
    in.huber_c.push_back(huber_threshold(huber, loss.huber_c, loss.huber_scale, schedule, t));
    in.loss_weights[n] *= loss_weight(loss.weighting, schedule, t);
  }
  return in;
}

void draw_noise(StepData& data, const LatentSpace& space, uint64_t seed, int64_t micro_batch, const LossConfig& loss,
                const NoiseSchedule& schedule) {
  const NoiseConfig& config = loss.noise;
  const auto samples = static_cast<size_t>(data.shape.batch), channels = static_cast<size_t>(space.channels);
  const size_t elements = static_cast<size_t>(data.shape.latents()) * channels;
  const int64_t height = data.shape.height, width = data.shape.width;
  const auto stream = [&](uint32_t purpose, size_t of) {
    return Rng(seed, purpose, static_cast<uint64_t>(micro_batch), static_cast<uint32_t>(of));
  };
  data.noise.resize(elements);
  data.offset_noise.resize(config.has_offset() ? samples * channels : 0);
  data.pyramid_noise.assign(config.has_pyramid() ? elements : 0, 0.0f);
  data.ip_noise.resize(config.has_input_perturbation() ? elements : 0);
  data.timesteps.resize(samples);
  // What the whole batch shares has a stream beside those of its samples.
  if (config.noise_offset_random_strength) data.offset_share = stream(purpose::noise_offset, samples).uniform();
  if (config.ip_noise_gamma_random_strength) data.ip_share = stream(purpose::input_perturbation, samples).uniform();
  Rng sizes = stream(purpose::pyramid_noise, samples);
  const std::vector<NoiseLevel> levels = noise_levels(config, height, width, sizes);
  for (size_t n = 0; n < samples; ++n) {
    stream(purpose::noise, n).fill_normal(part(std::span(data.noise), n, samples));
    Rng timesteps = stream(purpose::timesteps, n), coarse = stream(purpose::pyramid_noise, n);
    data.timesteps[n] = draw_timestep(config, schedule.size(), timesteps);
    if (config.has_offset())
      stream(purpose::noise_offset, n).fill_normal(part(std::span(data.offset_noise), n, samples));
    if (config.has_input_perturbation())
      stream(purpose::input_perturbation, n).fill_normal(part(std::span(data.ip_noise), n, samples));
    for (const NoiseLevel& level : levels) {
      std::vector<float> values(static_cast<size_t>(level.height * level.width) * channels);
      coarse.fill_normal(values);
      add_noise_level(level, values, height, width, part(std::span(data.pyramid_noise), n, samples));
    }
  }
}

}  // namespace rankine
