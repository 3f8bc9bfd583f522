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

std::vector<float> BatchSource::latents(const Batch& batch, size_t i) {
  const int sample = batch.samples[i];
  const bool flipped = batch.flipped[i] != 0;
  if (cache_) return cache_->latents(sample, flipped);
  const size_t size = batch.images.size() / batch.samples.size();
  const std::vector<float>& moments = encoder_->encode(batch.bucket, std::span(batch.images).subspan(i * size, size));
  const std::vector<float> noise = latent_noise(seed_, made_ + 1, sample, flipped, moments.size() / 2);
  return sample_latents(moments, noise, model_.latents().channels, batch.files[i]);
}

std::vector<float> latent_mask(const TrainingData& data, const LatentSpace& space, int sample, bool flipped) {
  const Sample& s = data.samples[static_cast<size_t>(sample)];
  if (!data.has_mask(s)) return {};
  const Size size = s.place.bucket, latents = space.of(size);
  return resize_mask_area(load_mask(data, sample, flipped), size.height, size.width, latents.height, latents.width);
}

std::vector<float> BatchSource::loss_mask(const Batch& batch, size_t i) {
  const int sample = batch.samples[i];
  const bool flipped = batch.flipped[i] != 0;
  const Sample& of = data_.samples[static_cast<size_t>(sample)];
  if (!data_.has_mask(of)) return {};
  if (!batch.masks.empty()) {
    const Size size = batch.bucket, latents = model_.latents().of(size);
    const size_t pixels = batch.masks.size() / batch.samples.size();
    return resize_mask_area(std::span(batch.masks).subspan(i * pixels, pixels), size.height, size.width, latents.height,
                            latents.width);
  }
  if (cache_ && of.mask_path.empty()) return cache_->mask(sample, flipped);
  std::vector<float>& kept = masks_[{sample, flipped}];
  if (kept.empty()) kept = latent_mask(data_, model_.latents(), sample, flipped);
  return kept;
}

ReadyBatch BatchSource::next() {
  ReadyBatch ready;
  ready.batch = loader_.next();
  Batch& batch = ready.batch;
  ready.load_seconds = batch.waited_seconds;

  Timer timer;
  std::vector<std::vector<float>> encoded;
  for (size_t i = 0; i < batch.samples.size(); ++i) encoded.push_back(latents(batch, i));
  batch.images = {};
  ready.encode_seconds = timer.seconds();

  timer.restart();
  StepData data = empty_batch(model_.latents(), batch.bucket, chunks_);
  for (size_t i = 0; i < encoded.size(); ++i) {
    const std::vector<float> mask = loss_mask(batch, i);
    const Sample& sample = data_.samples[static_cast<size_t>(batch.samples[i])];
    add_sample(data, model_, weighted_captions_,
               {encoded[i], batch.captions[i], batch.loss_weights[i], mask,
                picture_sizes(sample.place.bucket, sample.size, batch.flipped[i] != 0)});
  }
  batch.masks = {};
  draw_noise(data, model_.latents(), seed_, made_, loss_, schedule_);
  ready.inputs = make_step_inputs(data, model_.latents(), loss_, schedule_);
  ready.inputs.dropout_key = random_key(seed_, purpose::network_dropout, static_cast<uint64_t>(made_));
  ready.prepare_seconds = timer.seconds();
  ++made_;
  return ready;
}

}  // namespace rankine
