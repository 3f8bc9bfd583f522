#include "run/plan.h"

#include <random>

#include "io/folder.h"
#include "models/checkpoint/open_checkpoint.h"
#include "run/batch_source.h"
#include "run/dataset_setup.h"
#include "run/fixed_captions.h"
#include "run/latent_cache.h"
#include "run/length_notes.h"
#include "run/memory_need.h"
#include "run/output_names.h"
#include "run/step_plan.h"
#include "run/text_cache.h"
#include "step/checkpoint_constants.h"
#include "step/fit_memory.h"
#include "step/fp8_constants.h"

namespace rankine {
namespace {

uint64_t seed_of(const RunConfig& config) {
  return config.seed ? static_cast<uint64_t>(*config.seed) : std::random_device()();
}

/// The schedule of the learning rates over the run's steps. Throws Error for settings that it cannot work with.
LrSchedule lr_schedule(const OptimConfig& config, const RunLength& length) {
  LrScheduleConfig schedule = config.lr_schedule;
  schedule.learning_rate = config.learning_rate;
  schedule.max_train_steps = length.steps;
  return LrSchedule(schedule);
}

/// Bytes of the weights of a LoRA file; its header is small beside them.
int64_t saved_bytes(const StepSettings& settings, DType dtype) {
  int64_t count = 0;
  for (const AdaptedLayer& layer : settings.layers) count += parameter_count(*settings.adapter, layer) + 1;
  return count * static_cast<int64_t>(size_of(dtype));
}

LoaderConfig whole_run(LoaderConfig loader, const TrainConfig& config, const RunLength& length, int64_t steps_done) {
  loader.max_train_steps = length.steps;
  loader.first_batch = length.batches_of(steps_done);
  loader.end_batch = length.batches();
  loader.decode_images = !config.data.cache_latents;
  return loader;
}

/// Bytes that the process will hold beside its steps, and does not hold yet: latents, and the states of captions.
size_t planned_bytes(const TrainConfig& config, const StepSettings& step, const TrainingData& data,
                     const std::vector<std::vector<int32_t>>& captions) {
  size_t bytes = 0;
  if (config.data.cache_latents)
    bytes += static_cast<size_t>(planned_latent_bytes(data, config.data.cache_latents_to_disk));
  return bytes + caption_bytes(step, captions);
}

}  // namespace

RunPlan plan_run(const TrainConfig& config, const Backend& backend) {
  check_train_config(config);
  loss_config(config);
  memory_budget(config.step.memory_budget, backend.device());
  compute_type(config.step.mixed_precision);
  const DType saved = saved_type(config);
  std::unique_ptr<Optimizer> optimizer = make_optimizer(config.optim.type(), config.optim.optimizer_args);
  Checkpoint checkpoint = open_checkpoint(config.model);
  StepSettings step = step_settings(config, open_model(checkpoint), checkpoint.tensors());
  const Model& model = *step.model;
  if (config.network.base_weights.empty()) {  // merged weights lie in no file
    CheckpointConstants weights(checkpoint);
    Fp8Constants rounded(weights, config.step);
    step.in_file = weights_in_file(rounded, model);
  }
  step.masked_loss = uses_masks(config, dataset_config(config, model.latents()));
  AutoencoderSettings vae = autoencoder_settings(config.step, step.model, step.compute);
  std::vector<Preview> previews = read_previews(config.preview, model);
  const OutputNames names(config.save);
  names.check_usable(saved_bytes(step, saved));
  if (config.tracker.writes_events()) check_folder(*config.tracker.logging_dir, "--logging_dir");

  TrainingData data = load_training_data(config, model.latents());
  check_text_cache(config, model, data);
  const RunLength length = run_length(config.run, data.batches_per_epoch());
  RunSettings identity = run_settings(config, data, length, step, optimizer->description());
  RunStart start = find_start(config.save, StateStore(names.state()), names.last(), identity, length);
  const uint64_t seed = start.found && !config.run.seed ? start.found->state.seed : seed_of(config.run);
  LoaderConfig loader = whole_run(loader_config(config, seed), config, length, start.step);
  std::vector<StepShape> shapes = step_shapes(data, token_chunks(config.model.max_token_length));
  auto captions = fixed_captions(config, model, data);
  const size_t planned = planned_bytes(config, step, data, captions);
  MemoryChoice memory = choose_memory(step, config.step, backend.device(), largest_of(shapes), planned);
  std::vector<std::string> notes = model_notes(config, model);
  for (std::string& note : length_notes(config, length)) notes.push_back(std::move(note));
  if (config.preview.wanted() && previews.empty())
    notes.push_back("no sample pictures are made: --sample_prompts has no prompt");
  notes.insert(notes.end(), start.notes.begin(), start.notes.end());
  RunPlan plan{.config = config,
               .backend = &backend,
               .checkpoint = std::move(checkpoint),
               .step = std::move(step),
               .update = update_settings(config),
               .optimizer = std::move(optimizer),
               .shapes = std::move(shapes),
               .vae = std::move(vae),
               .saved = saved,
               .memory = std::move(memory),
               .data = std::move(data),
               .loader = loader,
               .length = length,
               .schedule = lr_schedule(config.optim, length),
               .seed = seed,
               .identity = std::move(identity),
               .start = std::move(start),
               .previews = std::move(previews),
               .captions = std::move(captions),
               .notes = std::move(notes)};
  check_memory_suffices(plan, planned);
  return plan;
}

}  // namespace rankine
