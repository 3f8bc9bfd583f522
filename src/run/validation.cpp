#include "run/validation.h"

#include <cmath>
#include <set>

#include "base/rng.h"
#include "data/loader.h"
#include "run/batch_source.h"
#include "run/latent_cache.h"
#include "text/clip_tokenizer.h"

namespace rankine {
namespace {

/// Keeps validation's random numbers apart from those of a run with the same seed.
constexpr uint64_t kSeedMark = 0x76616c6964617465;

/// The caption without what varies from draw to draw; wildcards are chosen once.
std::string whole_caption(const TrainingData& data, int index, uint64_t seed) {
  const Sample& sample = data.samples[static_cast<size_t>(index)];
  CaptionSettings settings = data.subset_of(sample).options.caption;
  const bool splits_tags = settings.shuffle || settings.token_warmup_step > 0 || settings.tag_dropout_rate > 0;
  settings.shuffle = false;
  settings.dropout_rate = settings.tag_dropout_rate = 0;
  settings.dropout_every_n_epochs = 0;
  settings.token_warmup_step = splits_tags ? 1 : 0;  // all tags are in use from the context's step on
  Rng rng(seed, purpose::captions, static_cast<uint64_t>(index));
  return process_caption(sample.caption, settings, {.step = 1}, rng);
}

}  // namespace

std::vector<int64_t> validation_timesteps(const NoiseConfig& noise, int64_t count) {
  const auto least = static_cast<double>(noise.min_timestep.value_or(0));
  const auto most = static_cast<double>(noise.max_timestep.value_or(count));
  constexpr int parts = 5;
  std::vector<int64_t> timesteps;
  for (int i = 1; i < parts; ++i)
    timesteps.push_back(static_cast<int64_t>(std::floor(least + i * ((most - least) / parts))));
  return timesteps;
}

ValidationDue validation_due(const ValidationConfig& config, const RunLength& length, int64_t step) {
  const int64_t steps = config.validate_every_n_steps.value_or(0), per_epoch = length.steps_per_epoch();
  const int64_t epoch = (step + per_epoch - 1) / per_epoch;
  const bool epoch_ends = step % per_epoch == 0 || step == length.steps;
  return {.by_step = steps > 0 && step % steps == 0,
          .by_epoch = epoch_ends && epoch % config.validate_every_n_epochs.value_or(1) == 0};
}

std::vector<PlannedBatch> validation_batches(const ValidationConfig& config, const TrainingData& held_out) {
  std::vector<PlannedBatch> batches = plan_in_order(held_out);
  const int64_t most = config.max_validation_steps.value_or(std::ssize(batches));
  if (std::ssize(batches) > most) batches.resize(static_cast<size_t>(most));
  return batches;
}

Validation::Validation(const TrainConfig& config, const Model& model, const TrainingData& held_out,
                       LatentEncoder& encoder, const std::function<bool()>& stop)
    : model_(model),
      loss_(loss_config(config)),
      schedule_(make_noise_schedule({.zero_terminal_snr = loss_.noise.zero_terminal_snr})),
      seed_(static_cast<uint64_t>(config.data.defaults.dataset.validation_seed.value_or(0)) ^ kSeedMark),
      timesteps_(validation_timesteps(loss_.noise, schedule_.size())) {
  const LatentSpace& space = model.latents();
  const int64_t chunks = token_chunks(config.model.max_token_length);
  for (const PlannedBatch& planned : validation_batches(config.validation, held_out)) {
    const Size size = held_out.datasets[static_cast<size_t>(planned.dataset)].buckets[planned.bucket].size;
    StepData batch = empty_batch(space, size, chunks);
    for (const Draw& draw : planned.draws) {
      if (stop()) return;
      const std::vector<float>& moments = encoder.encode(size, load_sample(held_out, draw.sample, false));
      const std::vector<float> latents =
          sample_latents(moments, latent_noise(seed_, 0, draw.sample, false, moments.size() / 2), space.channels,
                         held_out.samples[static_cast<size_t>(draw.sample)].path);
      const std::vector<float> mask = latent_mask(held_out, space, draw.sample, false);
      const Sample& sample = held_out.samples[static_cast<size_t>(draw.sample)];
      add_sample(batch, model, config.model.weighted_captions,
                 {latents, whole_caption(held_out, draw.sample, seed_), 1, mask,
                  picture_sizes(sample.place.bucket, sample.size, false)});
    }
    batches_.push_back(std::move(batch));
  }
}

std::vector<std::vector<int32_t>> Validation::captions() const {
  std::set<std::vector<int32_t>> all;
  for (const StepData& batch : batches_) {
    const auto size = static_cast<std::ptrdiff_t>(batch.ids.size()) / batch.shape.batch;
    for (auto caption = batch.ids.begin(); caption != batch.ids.end(); caption += size)
      all.insert({caption, caption + size});
  }
  return {all.begin(), all.end()};
}

void Validation::prepare(TrainingStep& trainer) const {
  for (const StepData& batch : batches_) trainer.prepare_validation(batch.shape);
}

std::optional<ValidationLoss> Validation::run(TrainingStep& trainer, const std::function<bool()>& stop) const {
  ValidationLoss result;
  for (const int64_t timestep : timesteps_) result.by_timestep.emplace_back(timestep, 0.0);
  const EvaluationWeightsScope weights(trainer);
  int64_t drawn = 0;
  for (const StepData& batch : batches_) {
    if (stop()) return std::nullopt;
    for (auto& [timestep, sum] : result.by_timestep) {
      StepData data = batch;
      draw_noise(data, model_.latents(), seed_, drawn++, loss_, schedule_);
      data.timesteps.assign(static_cast<size_t>(data.shape.batch), timestep);
      sum += trainer.validation_loss(make_step_inputs(data, model_.latents(), loss_, schedule_)) /
             static_cast<double>(batches_.size());
    }
  }
  for (const auto& [timestep, loss] : result.by_timestep) result.mean += loss / static_cast<double>(timesteps_.size());
  return result;
}

}  // namespace rankine
