#include "run/run.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <memory>
#include <optional>
#include <ostream>
#include <random>

#include "backend/registry.h"
#include "base/timer.h"
#include "network/adapter_file.h"
#include "run/latent_cache.h"
#include "run/resume.h"
#include "run/rollback.h"
#include "run/run_setup.h"
#include "run/training_facts.h"
#include "run/validation.h"
#include "sample/previews.h"
#include "sample/sample_files.h"
#include "step/checkpoint_constants.h"
#include "step/fp8_constants.h"
#include "step/merged_constants.h"

namespace rankine {
namespace {

uint64_t seed_of(const RunConfig& config) {
  check(config.seed.value_or(0) >= 0, "--seed must be at least 0, got ", config.seed.value_or(0));
  return config.seed ? static_cast<uint64_t>(*config.seed) : std::random_device()();
}

/// "caching latents 3/20", redrawn in place on a terminal, else a line now and then.
class CachingNote {
 public:
  CachingNote(std::ostream& out, const Progress::Options& options) : out_(out), options_(options) {}
  ~CachingNote() {
    if (options_.terminal && done_ > 0) out_ << '\n' << std::flush;
  }
  void show(const LatentCacheReport& so_far, int64_t total) {
    const int64_t done = so_far.read + so_far.made;
    done_ = done;
    const double pause = options_.terminal ? options_.redraw_seconds : options_.line_seconds;
    if (done < total && done > 1 && timer_.seconds() < pause) return;
    timer_.restart();
    out_ << (options_.terminal ? "\r\x1b[2K" : "") << "caching latents " << done << '/' << total << ", "
         << std::round(10 * static_cast<double>(done) / std::max(so_far.seconds, 1e-9)) / 10 << " images/s"
         << (options_.terminal ? "" : "\n") << std::flush;
  }

 private:
  std::ostream& out_;
  Progress::Options options_;
  Timer timer_;
  int64_t done_ = 0;
};

void check_not_stopped(const InterruptGuard& interrupt) {
  check(!interrupt.requested(), "stopped before the first step; nothing is saved");
}

/// Of the weights; the header is small beside them.
int64_t saved_bytes(const std::vector<AdaptedLayer>& modules, DType dtype) {
  int64_t count = 0;
  for (const AdaptedLayer& m : modules) count += count_of(m.down_shape()) + count_of(m.up_shape()) + 1;
  return count * static_cast<int64_t>(size_of(dtype));
}

/// What the memory budget costs, as a line of the summary; empty where nothing was given up.
std::string given_up_text(const MemoryChoice& choice) {
  if (choice.added_seconds == 0) return "";
  return concat_text("  to fit       ", choice.recomputed.size(), " activations recomputed, ",
                     choice.kept_direct.size() + choice.kept_plain.size(),
                     " weights in smaller forms (--memory_budget)\n");
}

/// What sample pictures add to the run's memory. Throws Error when that is more than the budget leaves.
int64_t fitting_bytes(const PreviewMaker& previews, size_t budget) {
  const size_t more = previews.more_bytes(), held = resident_bytes();
  check(more == 0 || held + more <= budget, "the sample pictures need ", bytes_text(static_cast<int64_t>(more)),
        " beside the step's ", bytes_text(static_cast<int64_t>(held)), ", more than --memory_budget (",
        bytes_text(static_cast<int64_t>(budget)), "): make them smaller with --w and --h in --sample_prompts");
  return static_cast<int64_t>(more);
}

/// When sample pictures are made, as a line of the summary.
std::string previews_text(const PreviewMaker& previews, const RunLength& length, int64_t done) {
  const int64_t times = previews.times_due(done, length.steps, length.steps_per_epoch());
  return concat_text("  samples      ", previews.count(),
                     times == 1 ? " once, in " : concat_text(", ", times, " times, in "), previews.folder(), '\n');
}

/// What is not trained on, as a line of the summary; empty where that is nothing.
std::string held_out_text(const TrainingData& data) {
  if (!data.validation) return "";
  return concat_text("  held out     ", data.validation->samples.size(), " images for validation\n");
}

LatentCache fill_cache(const TrainingData& data, const LatentCacheConfig& config, LatentEncoder& encoder,
                       const InterruptGuard& interrupt, std::ostream& out, const Progress::Options& options) {
  LatentCache cache;
  LatentCacheReport report;
  {
    CachingNote note(out, options);
    report = cache.fill(data, config, encoder, [&](const LatentCacheReport& so_far, int64_t total) {
      note.show(so_far, total);
      return !interrupt.requested();
    });
  }
  out << report_text(report, config.threads);
  check_not_stopped(interrupt);
  return cache;
}

}  // namespace

TrainOutcome run_training(const TrainConfig& config, std::ostream& out, const Progress::Options& options) {
  // All that can be wrong is looked at before anything that takes long.
  check_train_config(config);
  const DType compute = compute_type(config.step.mixed_precision), saved = saved_type(config);
  const std::unique_ptr<Optimizer> optimizer = make_optimizer(config.optim.type(), config.optim.optimizer_args);
  loss_config(config);
  parse_memory(config.step.memory_budget, "--memory_budget");
  const std::vector<Preview> prompts = read_previews(config.preview);
  const OutputNames names(config.save);
  names.check_writable();
  names.remove_leftovers();
  check_logging_dir(config.tracker);
  const Checkpoint checkpoint = open_checkpoint(config.model);
  const StepSettings settings = step_settings(config, checkpoint);
  names.check_room(saved_bytes(settings.layers, saved));
  const Backend& backend = find_backend("cpu");
  CheckpointConstants base(checkpoint);
  MergedConstants merged(base, read_base_weights(config.network, checkpoint));
  Fp8Constants constants(merged, config.step);
  for (const std::string& note : network_notes(config.network)) out << note << '\n';
  TrainingStep trainer(backend, constants, settings, *optimizer, update_settings(config));
  const TrainingData data = load_training_data(config);
  const RunLength length = run_length(config.run, data.batches_per_epoch());
  const RunSettings same_run = run_settings(config, data, length, settings, optimizer->description());
  const StateStore state_files(names.state());
  const RunStart start = find_start(config.save, state_files, names.last(), same_run, length);
  for (const std::string& note : start.notes) out << note << '\n';
  const uint64_t seed = start.found && !config.run.seed ? start.found->state.seed : seed_of(config.run);
  for (const std::string& note : set_first_weights(trainer, config.network, checkpoint, seed)) out << note << '\n';
  if (start.found) restore_state(trainer, start.found->state);
  const LrSchedule schedule = lr_schedule(config.optim, length);
  LoaderConfig loader = loader_config(config, seed);
  loader.max_train_steps = length.steps;
  loader.first_batch = length.batches_of(start.step);
  loader.end_batch = length.batches();
  loader.decode_images = !config.data.cache_latents;

  const InterruptGuard interrupt;
  const DType vae_type = config.step.no_half_vae ? DType::f32 : compute;
  auto encoder =
      std::make_unique<LatentEncoder>(backend, constants, settings.model.vae, vae_type, settings.conv_algorithm);
  std::optional<Validation> validation;
  if (data.validation) {
    validation.emplace(config, *data.validation, *encoder, [&] { return interrupt.requested(); });
    check_not_stopped(interrupt);
  }
  std::optional<LatentCache> cache;
  OtherMemory other;
  if (config.data.cache_latents) {
    LatentCacheConfig caching{.threads = loader.threads,
                              .to_disk = config.data.cache_latents_to_disk,
                              .skip_check = config.data.skip_cache_check,
                              .compute = vae_type};
    if (caching.to_disk) caching.vae = vae_digest(constants, settings.model.vae);
    cache = fill_cache(data, caching, *encoder, interrupt, out, options);
    other.cached_latents = cache->bytes();
    encoder.reset();  // its memory is the step's now
  } else {
    for (const Dataset& dataset : data.datasets)
      for (const Bucket& bucket : dataset.buckets) encoder->prepare(bucket.size);
    other.vae = static_cast<int64_t>(encoder->memory().total());
  }

  std::optional<PreviewMaker> previews;
  if (!prompts.empty())
    previews.emplace(
        PreviewMaker::Parts{config.preview,
                            {(std::filesystem::path(names.folder()) / "sample").string(), config.save.output_name},
                            config.model.v_parameterization ? Prediction::v : Prediction::epsilon,
                            vae_type,
                            backend,
                            constants,
                            trainer,
                            saved,
                            model_name(checkpoint.path())},
        prompts);
  const std::vector<StepShape> shapes = step_shapes(data, token_chunks(config.model));
  if (auto captions = fixed_captions(config, data); !captions.empty()) {
    if (validation) std::ranges::move(validation->captions(), std::back_inserter(captions));
    trainer.encode_captions(captions);
  }
  const size_t budget = parse_memory(config.step.memory_budget, "--memory_budget");
  const MemoryChoice memory = trainer.fit(largest_of(shapes), budget);
  for (const StepShape& shape : shapes) trainer.prepare(shape);
  if (validation) validation->prepare(trainer);
  if (previews) other.previews = fitting_bytes(*previews, budget);
  if (start.found) check_restored(trainer, *start.found);
  const RunSummary summary = run_summary(config, checkpoint, data, length, trainer, other);
  out << summary_text(summary) << '\n'
      << held_out_text(data) << given_up_text(memory) << (previews ? previews_text(*previews, length, start.step) : "")
      << "  seed         " << seed << (config.run.seed ? "" : "  (drawn now; give --seed to repeat the run)") << "\n\n"
      << std::flush;
  check_not_stopped(interrupt);

  AdapterSaver saver(trainer, training_facts(config, data, length, seed, optimizer->description()), checkpoint.path(),
                     config.model.vae.value_or(""), saved);
  const std::filesystem::path metrics_file = std::filesystem::path(names.folder()) / "metrics.jsonl";
  if (start.continues_own_metrics) MetricsLog::go_back_to(metrics_file, start.step);
  std::optional<TensorBoardFolder> events_folder;
  if (config.tracker.writes_events())
    events_folder = tensorboard_folder(config.tracker, names.last(), start.continues_own_metrics);
  const ReportFacts facts = {config.save.name(),        summary, config.settings, seed, length.steps_per_epoch(),
                             config.optim.max_grad_norm};
  const Report report(names.folder(), config.save.output_name.value_or(""), facts);
  const std::string& report_file = report.path();
  Progress progress(out, options);
  StateSaver states(trainer, state_files, same_run, seed);
  RunPosition position = start.found ? start.found->state.position : RunPosition{};
  position.step = start.step;
  std::optional<Rollback> rollback;
  if (config.save.on_nonfinite == "rollback") rollback.emplace(trainer, state_files, states, position, seed, same_run);
  if (position.rollbacks > 0)
    out << "the learning rate is " << position.rate_factor() << " of what is set: the run went back "
        << position.rollbacks << (position.rollbacks == 1 ? " time" : " times") << " (--on_nonfinite)\n\n";
  const int64_t metrics_of_others = start.continues_own_metrics ? 0 : MetricsLog::length(metrics_file);

  const Timer timer;
  TrainOutcome outcome;
  for (bool ended = false; !ended;) {
    std::unique_ptr<TensorBoardLog> events;
    if (events_folder) {
      events = std::make_unique<TensorBoardLog>(*events_folder, position.step);
      if (config.tracker.log_config) events->write_settings(config.settings);
      progress.message("TensorBoard's file is " + events->path());
    }
    RunLog log(MetricsLog(metrics_file), std::move(events), report, length);
    loader.first_batch = length.batches_of(position.step);
    BatchSource batches(config, data, loader, cache ? &*cache : nullptr, encoder.get());
    TrainingLoop loop({config, length, schedule, trainer, batches, saver, log, progress, interrupt, states,
                       previews ? &*previews : nullptr, position, validation ? &*validation : nullptr});
    try {
      outcome = loop.run();
      ended = true;
    } catch (const NonFiniteError& error) {
      if (!rollback) throw;
      position = rollback->go_back(error);
      progress.message(rollback->message());
      MetricsLog::go_back_to(metrics_file, position.step, metrics_of_others);
    }
  }
  outcome.seconds = timer.seconds();
  progress.finish();
  out << (outcome.interrupted ? "stopped after " : "done: ") << outcome.steps
      << (outcome.interrupted ? concat_text(" of ", length.steps, " steps") : std::string(" steps")) << " in "
      << duration_text(outcome.seconds)
      << (outcome.sample_seconds > 0 ? concat_text(" (sample pictures: ", duration_text(outcome.sample_seconds), ")")
                                     : "")
      << (outcome.val_loss ? concat_text(", validation loss ", *outcome.val_loss) : "") << ", the LoRA is "
      << outcome.file;
  if (std::filesystem::is_regular_file(report_file)) out << ", the report " << report_file;
  out << '\n';
  return outcome;
}

}  // namespace rankine
