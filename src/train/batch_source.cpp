#include "train/batch_source.h"

#include "base/timer.h"

namespace rankine {

LossConfig loss_config(const TrainConfig& config) {
  LossConfig loss = config.loss;
  loss.weighting.prediction = config.model.v_parameterization ? Prediction::v : Prediction::epsilon;
  check_loss_weighting(loss.weighting);
  check_noise(loss.noise, NoiseScheduleConfig{}.num_train_timesteps);
  return loss;
}

int64_t token_chunks(const ModelConfig& config) { return config.max_token_length.value_or(75) / 75; }

BatchSource::BatchSource(const TrainConfig& config, const TrainingData& data, const LoaderConfig& loader,
                         const LatentCache* cache, LatentEncoder* encoder)
    : loss_(loss_config(config)),
      seed_(loader.seed),
      max_token_length_(config.model.max_token_length.value_or(75)),
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
    const std::vector<float> one = sample_latents(moments, noise, batch.files[i]);
    all.insert(all.end(), one.begin(), one.end());
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
  data.shape = {.batch = static_cast<int64_t>(batch.samples.size()),
                .height = batch.bucket.height / 8,
                .width = batch.bucket.width / 8,
                .chunks = max_token_length_ / 75};
  data.latents = latents(batch);
  batch.images = {};
  ready.encode_seconds = timer.seconds();

  timer.restart();
  for (const std::string& caption : batch.captions)
    for (const auto& chunk : tokenizer_.tokenize(caption, max_token_length_).ids)
      data.ids.insert(data.ids.end(), chunk.begin(), chunk.end());
  data.loss_weights = batch.loss_weights;
  draw_noise(data, seed_, made_, loss_, schedule_);
  ready.inputs = make_step_inputs(data, loss_, schedule_);
  ready.prepare_seconds = timer.seconds();
  ++made_;
  return ready;
}

}  // namespace rankine
