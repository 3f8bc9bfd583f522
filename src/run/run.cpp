#include "run/run.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <ostream>

#include "backend/registry.h"
#include "base/timer.h"
#include "run/cache_latents.h"
#include "run/output_lock.h"
#include "run/prepare.h"
#include "run/rollback.h"
#include "run/training_facts.h"

namespace rankine {
namespace {

/// In earlier versions the runs of a folder shared one metrics.jsonl: a run that goes on takes that file for its own.
void take_shared_metrics(const OutputNames& names) {
  namespace fs = std::filesystem;
  const fs::path shared = fs::path(names.folder()) / "metrics.jsonl";
  std::error_code error;
  if (fs::exists(names.metrics(), error) || fs::is_symlink(shared, error)) return;
  fs::rename(shared, names.metrics(), error);
}

/// Makes the folders for results, removes what a killed process left half-written, and puts another run's state aside.
/// Nobody else may write this LoRA while the result lives.
std::unique_ptr<OutputLock> make_outputs(const RunPlan& plan) {
  const OutputNames names(plan.config.save);
  names.make_folder();
  auto lock = std::make_unique<OutputLock>(names.last());
  names.remove_leftovers();
  if (plan.start.continues_own_metrics) take_shared_metrics(names);
  names.link_latest();
  check_logging_dir(plan.config.tracker);
  if (plan.start.aside) StateStore(names.state()).put_aside(plan.start.aside->from, plan.start.aside->to);
  return lock;
}

/// The cost of the memory budget, as a line of the summary; empty if nothing was given up.
std::string given_up_text(const MemoryChoice& choice) {
  if (choice.added_seconds == 0) return "";
  const size_t in_file = choice.weights_in("mapped");
  return concat_text("  to fit       ", choice.recomputed.size(), " activations recomputed, ",
                     choice.weight_forms.size() - in_file, " weights in smaller forms",
                     in_file ? concat_text(", ", in_file, " left in the checkpoint's file") : "",
                     " (--memory_budget)\n");
}

/// When sample pictures are made, as a line of the summary; empty where none are.
std::string previews_text(const PreviewMaker* previews, const RunLength& length, int64_t done) {
  if (!previews) return "";
  const int64_t times = previews->times_due(done, length.steps, length.steps_per_epoch());
  return concat_text("  samples      ", previews->count(),
                     times == 1 ? " once, in " : concat_text(", ", times, " times, in "), previews->folder(), '\n');
}

/// The pictures that are not trained on, as a line of the summary; empty where there are none.
std::string held_out_text(const TrainingData& data) {
  if (!data.validation) return "";
  return concat_text("  held out     ", data.validation->samples.size(), " images for validation\n");
}

void show_summary(const RunPlan& plan, PreparedRun& ready, const RunSummary& summary, std::ostream& out) {
  out << summary_text(summary) << '\n'
      << held_out_text(plan.data) << given_up_text(ready.memory_choice())
      << previews_text(ready.previews(), plan.length, plan.start.step) << "  seed         " << plan.seed
      << (plan.config.run.seed ? "" : "  (drawn now; give --seed to repeat the run)") << "\n\n"
      << std::flush;
}

std::string ending_text(const TrainOutcome& outcome, const RunLength& length, const std::string& report) {
  std::string text = outcome.interrupted ? concat_text("stopped after ", outcome.steps, " of ", length.steps, " steps")
                                         : concat_text("done: ", outcome.steps, " steps");
  text += " in " + duration_text(outcome.seconds);
  if (outcome.sample_seconds > 0)
    text += concat_text(" (sample pictures: ", duration_text(outcome.sample_seconds), ")");
  if (outcome.val_loss) text += concat_text(", validation loss ", *outcome.val_loss);
  text += ", the LoRA is " + outcome.file;
  if (std::filesystem::is_regular_file(report)) text += ", the report " + report;
  return text + '\n';
}

/// The steps of a run with all that they leave behind, again from an earlier state where --on_nonfinite says so.
class Training {
 public:
  Training(const RunPlan& plan, PreparedRun& ready, const RunSummary& summary, std::ostream& out,
           const Progress::Options& options)
      : plan_(plan),
        ready_(ready),
        names_(plan.config.save),
        saver_(ready.step(),
               training_facts(plan.config, plan.step.model->family(), plan.data, plan.length, plan.seed,
                              plan.optimizer->description()),
               plan.checkpoint.path(), plan.config.model.vae.value_or(""), plan.saved),
        metrics_file_(names_.metrics()),
        report_({.page = names_.report(),
                 .metrics = names_.metrics(),
                 .sample_folder = (std::filesystem::path(names_.folder()) / "sample").string(),
                 .sample_prefix = plan.config.save.output_name.value_or("")},
                {plan.config.save.name(), summary, plan.config.settings, plan.seed, plan.length.steps_per_epoch(),
                 plan.config.optim.max_grad_norm}),
        progress_(out, options),
        state_files_(names_.state()),
        states_(ready.step(), state_files_, plan.identity, plan.seed) {
    const bool continues = plan.start.continues_own_metrics;
    if (continues) MetricsLog::go_back_to(metrics_file_, plan.start.step);
    if (plan.config.tracker.writes_events())
      events_folder_ = tensorboard_folder(plan.config.tracker, names_.last(), continues);
    if (plan.start.found) position_ = plan.start.found->state.position;
    position_.step = plan.start.step;
    if (plan.config.save.on_nonfinite == "rollback")
      rollback_.emplace(ready.step(), state_files_, states_, position_, plan.seed, plan.identity);
    if (position_.rollbacks > 0)
      out << "the learning rate is " << position_.rate_factor() << " of what is set: the run went back "
          << position_.rollbacks << (position_.rollbacks == 1 ? " time" : " times") << " (--on_nonfinite)\n\n";
    metrics_of_others_ = continues ? 0 : MetricsLog::length(metrics_file_);
  }

  TrainOutcome run(const InterruptGuard& interrupt) {
    const Timer timer;
    for (;;) try {
        TrainOutcome outcome = run_once(interrupt);
        outcome.seconds = timer.seconds();
        progress_.finish();
        return outcome;
      } catch (const NonFiniteError& error) {
        if (!rollback_) throw;
        position_ = rollback_->go_back(error);
        progress_.message(rollback_->message());
        MetricsLog::go_back_to(metrics_file_, position_.step, metrics_of_others_);
      }
  }

  const std::string& report() const { return report_.path(); }

 private:
  /// From `position_` to the end, or to numbers that are not finite.
  TrainOutcome run_once(const InterruptGuard& interrupt) {
    const TrainConfig& config = plan_.config;
    std::unique_ptr<TensorBoardLog> events;
    if (events_folder_) {
      events = std::make_unique<TensorBoardLog>(*events_folder_, position_.step);
      if (config.tracker.log_config) events->write_settings(config.settings);
      progress_.message("TensorBoard's file is " + events->path());
    }
    RunLog log(MetricsLog(metrics_file_), std::move(events), report_, plan_.length);
    LoaderConfig loader = plan_.loader;
    loader.first_batch = plan_.length.batches_of(position_.step);
    BatchSource batches(config, *plan_.step.model, plan_.data, loader, ready_.cache(), ready_.encoder());
    TrainingLoop loop({config, plan_.length, plan_.schedule, ready_.step(), batches, saver_, log, progress_, interrupt,
                       states_, ready_.previews(), position_, ready_.validation()});
    return loop.run();
  }

  const RunPlan& plan_;
  PreparedRun& ready_;
  OutputNames names_;
  AdapterSaver saver_;
  std::filesystem::path metrics_file_;
  std::optional<TensorBoardFolder> events_folder_;
  Report report_;
  Progress progress_;
  StateStore state_files_;
  StateSaver states_;
  RunPosition position_;
  std::optional<Rollback> rollback_;
  int64_t metrics_of_others_ = 0;  // bytes of the metrics that an earlier run of this name wrote
};

}  // namespace

TrainOutcome run(RunPlan&& plan, std::ostream& out, const Progress::Options& options) {
  const InterruptGuard interrupt;
  for (const std::string& note : plan.notes) out << note << '\n';
  PreparedRun ready(plan, out);
  const std::unique_ptr<OutputLock> lock = make_outputs(plan);
  ready.finish(interrupt, out, options);
  const RunSummary summary = ready.summary();
  show_summary(plan, ready, summary, out);
  check_not_stopped(interrupt);
  Training training(plan, ready, summary, out, options);
  const TrainOutcome outcome = training.run(interrupt);
  out << ending_text(outcome, plan.length, training.report());
  return outcome;
}

TrainOutcome run_training(const TrainConfig& config, std::ostream& out, const Progress::Options& progress) {
  return run(plan_run(config, find_backend(config.step.device)), out, progress);
}

}  // namespace rankine
