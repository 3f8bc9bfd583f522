#include "run/batch_source.h"

#include <algorithm>
#include <thread>

#include "base/rng.h"
#include "base/timer.h"
#include "diffusion/loss.h"
#include "text/clip_tokenizer.h"

namespace rankine {

LossConfig loss_config(const TrainConfig& config) {
  LossConfig loss = config.loss;
  loss.weighting.prediction = config.model.v_parameterization ? Prediction::v : Prediction::epsilon;
  check_loss_weighting(loss.weighting);
  check_noise(loss.noise, NoiseScheduleConfig{}.num_train_timesteps);
  return loss;
}

LoaderConfig loader_config(const TrainConfig& config, uint64_t seed) {
  LoaderConfig loader;
  loader.seed = seed;
  // More threads than cores would only take turns with the step's.
  const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  loader.threads = std::clamp(config.run.max_data_loader_n_workers, 1, cores);
  loader.prior_loss_weight = config.loss.prior_loss_weight;
  loader.gradient_accumulation_steps = config.run.gradient_accumulation_steps;
  return loader;
}

BatchSource::BatchSource(const TrainConfig& config, const Model& model, const TrainingData& data,
                         const LoaderConfig& loader, const LatentCache* cache, LatentEncoder* encoder)
    : loss_(loss_config(config)),
      data_(data),
      seed_(loader.seed),
      model_(model),
      chunks_(token_chunks(config.model.max_token_length)),
      weighted_captions_(config.model.weighted_captions),
      cache_(cache),
      encoder_(encoder),
      schedule_(make_noise_schedule({.zero_terminal_snr = loss_.noise.zero_terminal_snr})),
      made_(loader.first_batch),
      loader_(data, loader) {}

std::vector<float> BatchSource::latents(const Batch& batch) {
  std::vector<float> all;
  for (size_t i = 0; i < batch.samples.size(); ++i) {
    const int sample = batch.samples[i];
    const bool flipped = batch.flipped[i] != 0;
    if (cache_) {
      const std::vector<float>& one = cache_->latents(sample, flipped);
      all.insert(all.end(), one.begin(), one.end());
      continue;
    }
    const size_t size = batch.images.size() / batch.samples.size();
    const std::vector<float>& moments = encoder_->encode(batch.bucket, std::span(batch.images).subspan(i * size, size));
    const std::vector<float> noise = latent_noise(seed_, made_ + 1, sample, flipped, moments.size() / 2);
    const std::vector<float> one = sample_latents(moments, noise, model_.latents().channels, batch.files[i]);
    all.insert(all.end(), one.begin(), one.end());
  }
  return all;
}

std::vector<float> latent_mask(const TrainingData& data, const LatentSpace& space, int sample, bool flipped) {
  const Sample& s = data.samples[static_cast<size_t>(sample)];
  const Size size = s.place.bucket, latents = space.of(size);
  if (!data.has_mask(s)) return std::vector<float>(static_cast<size_t>(latents.height * latents.width), 1.0f);
  return resize_mask_area(load_mask(data, sample, flipped), size.height, size.width, latents.height, latents.width);
}

std::vector<float> BatchSource::loss_mask(const Batch& batch) {
  const auto is_masked = [&](int sample) { return data_.has_mask(data_.samples[static_cast<size_t>(sample)]); };
  if (std::ranges::none_of(batch.samples, is_masked)) return {};
  const Size size = batch.bucket, latents = model_.latents().of(size);
  std::vector<float> all;
  for (size_t i = 0; i < batch.samples.size(); ++i) {
    const int sample = batch.samples[i];
    const bool flipped = batch.flipped[i] != 0;
    const size_t pixels = batch.masks.size() / batch.samples.size();
    const auto add = [&](const std::vector<float>& one) { all.insert(all.end(), one.begin(), one.end()); };
    if (!batch.masks.empty()) {
      add(resize_mask_area(std::span(batch.masks).subspan(i * pixels, pixels), size.height, size.width, latents.height,
                           latents.width));
    } else if (cache_ && is_masked(sample) && data_.samples[static_cast<size_t>(sample)].mask_path.empty()) {
      add(cache_->mask(sample, flipped));
    } else {
      std::vector<float>& kept = masks_[{sample, flipped}];
      if (kept.empty()) kept = latent_mask(data_, model_.latents(), sample, flipped);
      add(kept);
    }
  }
  return all;
}

ReadyBatch BatchSource::next() {
  ReadyBatch ready;
  ready.batch = loader_.next();
  Batch& batch = ready.batch;
  ready.load_seconds = batch.waited_seconds;

  Timer timer;
  StepData data;
  const Size size = model_.latents().of(batch.bucket);
  data.shape = {.batch = std::ssize(batch.samples), .height = size.height, .width = size.width, .chunks = chunks_};
  data.latents = latents(batch);
  batch.images = {};
  ready.encode_seconds = timer.seconds();

  timer.restart();
  for (const std::string& caption : batch.captions) {
    const CaptionTokens tokens = model_.tokenize(caption, chunks_, weighted_captions_);
    data.ids.insert(data.ids.end(), tokens.ids.begin(), tokens.ids.end());
    data.token_weights.insert(data.token_weights.end(), tokens.weights.begin(), tokens.weights.end());
  }
  data.loss_weights = batch.loss_weights;
  data.loss_mask = loss_mask(batch);
  batch.masks = {};
  draw_noise(data, model_.latents(), seed_, made_, loss_, schedule_);
  ready.inputs = make_step_inputs(data, model_.latents(), loss_, schedule_);
  ready.inputs.dropout_key = random_key(seed_, purpose::network_dropout, static_cast<uint64_t>(made_));
  ready.prepare_seconds = timer.seconds();
  ++made_;
  return ready;
}

}  // namespace rankine
