#include "train/training_loop.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace rankine {
namespace {

constexpr size_t kRecentSteps = 20;  // of which speed and waiting are shown

std::string listed(const std::vector<std::string>& files) {
  std::string text;
  for (const std::string& file : files) text += "\n  " + file;
  return text;
}

}  // namespace

double MovingMean::mean() const {
  if (values_.empty()) return 0;
  return std::accumulate(values_.begin(), values_.end(), 0.0) / static_cast<double>(values_.size());
}

TrainingLoop::TrainingLoop(const Parts& parts)
    : parts_(parts),
      names_(parts.config.save),
      losses_(static_cast<size_t>(parts.length.batches_per_epoch)),
      step_seconds_(kRecentSteps),
      waits_(kRecentSteps) {}

TrainOutcome TrainingLoop::run() {
  timer_.restart();
  TrainOutcome outcome;
  StepMetrics metrics;
  while (outcome.steps < parts_.length.steps && !outcome.interrupted) {
    metrics = step(outcome.steps + 1);
    outcome.steps = metrics.step;
    parts_.progress.update(progress_state(metrics));
    outcome.interrupted = parts_.interrupt.requested() && outcome.steps < parts_.length.steps;
  }
  if (outcome.interrupted) {
    save(names_.at_step(outcome.steps), outcome.steps, metrics.epoch - 1);
  } else {
    save(names_.last(), outcome.steps, parts_.length.epochs);
  }
  outcome.loss = losses_.mean();
  outcome.seconds = timer_.seconds();
  outcome.file = parts_.saver.last_saved();
  return outcome;
}

ReadyBatch TrainingLoop::next_batch(int64_t steps_done) {
  try {
    return parts_.batches.next();
  } catch (const Error& error) {
    if (steps_done == 0) throw;
    const std::string path = names_.at_step(steps_done);
    save(path, steps_done, (steps_done - 1) / parts_.length.steps_per_epoch());
    fail(error.what(), "\nThe LoRA as it was after step ", steps_done, " is saved: ", path);
  }
}

StepMetrics TrainingLoop::step(int64_t number) {
  const Timer step_timer;
  const auto accumulation = static_cast<double>(parts_.length.accumulation);
  StepMetrics metrics;
  metrics.step = number;
  double load = 0, encode = 0, prepare = 0, compute = 0;
  std::vector<std::string> files;
  int batches = 0;
  for (bool ended = false; !ended; ++batches) {
    const ReadyBatch ready = next_batch(number - 1);
    load += ready.load_seconds;
    encode += ready.encode_seconds;
    prepare += ready.prepare_seconds;
    files.insert(files.end(), ready.batch.files.begin(), ready.batch.files.end());
    const Timer timer;
    const StepResult result = parts_.trainer.step(ready.inputs, 1 / accumulation, batches > 0);
    compute += timer.seconds();
    check_finite(result.loss, "loss", number, ready.batch.files);
    losses_.add(result.loss);
    metrics.loss += result.loss;
    metrics.epoch = ready.batch.epoch + 1;
    ended = parts_.length.step_ends_at(ready.batch.index);
  }
  metrics.loss /= batches;
  metrics.loss_average = losses_.mean();

  const OptimConfig& optim = parts_.config.optim;
  const double factor = parts_.schedule.factor(number - 1);
  const LearningRates rates = {optim.unet_rate() * factor, optim.text_encoder_rate() * factor};
  const StepSettings& settings = parts_.trainer.settings();
  if (settings.train_text_encoder) metrics.learning_rates.emplace_back("text_encoder", rates.text_encoder);
  if (settings.train_unet) metrics.learning_rates.emplace_back("unet", rates.unet);
  Timer timer;
  metrics.grad_norm = parts_.trainer.update(number, rates);
  const double update = timer.seconds();
  check_finite(*metrics.grad_norm, "gradient", number, files);

  timer.restart();
  save_what_is_due(metrics);
  const double saving = timer.seconds();
  metrics.seconds = {{"load", load},     {"encode", encode}, {"prepare", prepare}, {"forward_backward", compute},
                     {"update", update}, {"save", saving}};
  metrics.step_seconds = step_timer.seconds();
  step_seconds_.add(metrics.step_seconds);
  waits_.add(load);
  parts_.metrics.write(metrics);
  return metrics;
}

void TrainingLoop::check_finite(double value, const char* what, int64_t number,
                                const std::vector<std::string>& files) const {
  if (std::isfinite(value)) return;
  const std::string& saved = parts_.saver.last_saved();
  fail("step ", number, ": the ", what, " is not finite (", value, "); nothing of this step is saved",
       saved.empty() ? "" : "; the last good file is " + saved,
       "\nTry a lower --learning_rate, or --mixed_precision no. The pictures of the step were:", listed(files));
}

void TrainingLoop::save_what_is_due(const StepMetrics& metrics) {
  const SaveConfig& c = parts_.config.save;
  const RunLength& length = parts_.length;
  const int64_t every_steps = c.save_every_n_steps.value_or(0), every_epochs = c.save_every_n_epochs.value_or(0);
  if (every_steps > 0 && metrics.step % every_steps == 0)
    save(names_.at_step(metrics.step), metrics.step, metrics.epoch - 1);
  const bool epoch_ends = metrics.step % length.steps_per_epoch() == 0;
  if (every_epochs > 0 && epoch_ends && metrics.epoch % every_epochs == 0 && metrics.epoch < length.epochs)
    save(names_.at_epoch(metrics.epoch), metrics.step, metrics.epoch);
}

void TrainingLoop::save(const std::string& path, int64_t steps, int64_t epochs) {
  parts_.saver.save(path, steps, epochs);
  parts_.progress.message("saved " + path);
}

ProgressState TrainingLoop::progress_state(const StepMetrics& metrics) const {
  return {.step = metrics.step,
          .total_steps = parts_.length.steps,
          .epoch = metrics.epoch,
          .total_epochs = parts_.length.epochs,
          .loss = metrics.loss_average,
          .elapsed_seconds = timer_.seconds(),
          .seconds_per_step = step_seconds_.mean(),
          .loader_wait_seconds = waits_.mean()};
}

}  // namespace rankine
