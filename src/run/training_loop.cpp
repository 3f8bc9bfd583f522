#include "run/training_loop.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <utility>

#include "base/memory.h"
#include "io/atomic_file.h"
#include "network/adapter_file.h"

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
      waits_(kRecentSteps),
      loss_scale_(parts.trainer.settings().compute == DType::f16, parts.start.loss_scale),
      updates_(parts.start.updates),
      skipped_(parts.start.skipped) {
  for (const float loss : parts.start.losses) losses_.add(loss);
}

TrainOutcome TrainingLoop::run() {
  try {
    return all_steps();
  } catch (const Error&) {
    try_write([&] { parts_.log.write_report(RunState::stopped); });
    throw;
  }
}

TrainOutcome TrainingLoop::all_steps() {
  timer_.restart();
  TrainOutcome outcome;
  StepMetrics metrics;
  outcome.steps = parts_.start.step;
  if (outcome.steps == 0) make_previews(0);
  while (outcome.steps < parts_.length.steps && !outcome.interrupted) {
    metrics = step(outcome.steps + 1);
    outcome.steps = metrics.step;
    parts_.progress.update(progress_state(metrics));
    make_previews(outcome.steps);
    const bool stops = parts_.interrupt.requested() || parts_.interrupt.output_closed();
    outcome.interrupted = stops && outcome.steps < parts_.length.steps;
  }
  save_at_end(outcome, metrics);
  if (outcome.interrupted && state_step_ == outcome.steps) outcome.state = parts_.states.path();
  try_write([&] { parts_.log.write_report(outcome.interrupted ? RunState::stopped : RunState::finished); });
  outcome.loss = losses_.mean();
  outcome.val_loss = val_loss_;
  outcome.seconds = timer_.seconds();
  outcome.sample_seconds = sample_seconds_;
  outcome.file = parts_.saver.last_saved();
  return outcome;
}

ReadyBatch TrainingLoop::next_batch(int64_t steps_done) {
  try {
    return parts_.batches.next();
  } catch (const Error& error) {
    if (steps_done == parts_.start.step) throw;
    const std::string fault =
        save_somewhere(names_.at_step(steps_done), steps_done, (steps_done - 1) / parts_.length.steps_per_epoch());
    const bool kept = save_state(steps_done, "");
    fail(error.what(), "\nThe LoRA as it was after step ", steps_done,
         fault.empty() ? " is saved: " + parts_.saver.last_saved() : " is not saved as it should be: " + fault,
         kept ? "\nTo go on: with the picture back in its place the same command again, else with --resume " +
                    parts_.states.path()
              : "");
  }
}

StepMetrics TrainingLoop::step(int64_t number) {
  const Timer step_timer;
  const auto accumulation = static_cast<double>(parts_.length.accumulation);
  StepMetrics metrics;
  metrics.step = number;
  double load = 0, encode = 0, prepare = 0, compute = 0;
  Taken taken;
  int batches = 0;
  for (bool ended = false; !ended; ++batches) {
    ReadyBatch ready = next_batch(number - 1);
    load += ready.load_seconds;
    encode += ready.encode_seconds;
    prepare += ready.prepare_seconds;
    const Timer timer;
    const StepResult result = parts_.trainer.step(ready.inputs, loss_scale_.value() / accumulation, batches > 0);
    compute += timer.seconds();
    taken.inputs.push_back(std::move(ready.inputs));
    taken.files.insert(taken.files.end(), ready.batch.files.begin(), ready.batch.files.end());
    // A loss that is not finite has such gradients: where those are skipped, so is this.
    if (!std::isfinite(result.loss) && !loss_scale_.dynamic())
      stop_not_finite(concat_text("the loss is not finite (", result.loss, ")"), number, taken);
    if (std::isfinite(result.loss)) losses_.add(result.loss);
    metrics.loss += result.loss;
    metrics.epoch = ready.batch.epoch + 1;
    ended = parts_.length.step_ends_at(ready.batch.index);
  }
  metrics.loss /= batches;
  metrics.loss_average = losses_.mean();

  Timer timer;
  update(metrics, taken);
  const double update = timer.seconds();

  timer.restart();
  const std::vector<Due> due = due_saves(metrics);
  for (const Due& one : due)
    if (try_write([&] { save(one.adapter, number, one.epochs); })) remove_old(one.old_adapter);
  const double saving = timer.seconds() + std::exchange(state_seconds_, 0.0);
  metrics.seconds = {{"load", load},     {"encode", encode}, {"prepare", prepare}, {"forward_backward", compute},
                     {"update", update}, {"save", saving}};
  if (const double sampling = std::exchange(pending_sample_seconds_, 0.0); sampling > 0)
    metrics.seconds.emplace_back("sample", sampling);
  metrics.resident_bytes = static_cast<int64_t>(resident_bytes());
  step_seconds_.add(step_timer.seconds());
  waits_.add(load);
  validate(metrics);
  metrics.step_seconds = step_timer.seconds();
  try_write([&] { parts_.log.write(metrics); });

  // The state comes last: what it goes on from, the line of metrics included, is all there.
  timer.restart();
  for (const Due& one : due)
    if (save_state(number, one.state_folder)) remove_old(one.old_state_folder);
  if (!due.empty()) try_write([&] { parts_.log.write_report(RunState::running); });
  state_seconds_ = timer.seconds();
  return metrics;
}

void TrainingLoop::update(StepMetrics& metrics, const Taken& taken) {
  const OptimConfig& optim = parts_.config.optim;
  // As in accelerate, a step that is skipped is none for the schedule.
  const int64_t scheduled = metrics.step - 1 - skipped_;
  LearningRates rates = {optim.unet_rate(), optim.text_encoder_rate()};
  const bool has_schedule = parts_.trainer.takes_lr_schedule();
  rates.scheduled = [&, has_schedule, scheduled](double base) {
    return parts_.start.rate_factor() * (has_schedule ? parts_.schedule.rate(base, scheduled) : base);
  };
  metrics.grad_norm = parts_.trainer.update(updates_ + 1, rates, loss_scale_.value());
  add_update_values(metrics, parts_.trainer.update_values());
  if (loss_scale_.dynamic()) metrics.values.emplace_back("loss_scale", loss_scale_.value());
  const bool finite = std::isfinite(*metrics.grad_norm);
  if (finite) {
    ++updates_;
  } else if (loss_scale_.dynamic()) {
    skip(metrics.step, taken);
  } else {
    stop_not_finite(concat_text("the gradient is not finite (its norm is ", *metrics.grad_norm, ")"), metrics.step,
                    taken);
  }
  loss_scale_.update(!finite);
}

void TrainingLoop::skip(int64_t number, const Taken& taken) {
  ++skipped_;
  const double scale = loss_scale_.value();
  if (scale <= 1)
    stop_not_finite(
        "values overflow fp16 (largest 65504) also without loss scaling, or are not finite from the start; "
        "--mixed_precision bf16 has fp32's range",
        number, taken);
  parts_.progress.message(concat_text("step ", number, ": gradients overflow fp16 at a loss scale of ", scale,
                                      "; the step is skipped, the scale is ", scale / 2, " now"));
}

void TrainingLoop::validate(StepMetrics& metrics) {
  if (!parts_.validation) return;
  const ValidationDue due_now = validation_due(parts_.config.validation, parts_.length, metrics.step);
  if (!due_now.any()) return;
  const Timer timer;
  const auto found = parts_.validation->run(parts_.trainer, [&] { return parts_.interrupt.requested(); });
  metrics.seconds.emplace_back("validate", timer.seconds());
  if (!found) return;
  metrics.val_loss = val_loss_ = found->mean;
  for (const auto& [timestep, loss] : found->by_timestep)
    metrics.val_loss_at.emplace_back(std::to_string(timestep), loss);
  for (const auto& [due, kind] : {std::pair(due_now.by_step, "step"), std::pair(due_now.by_epoch, "epoch")}) {
    if (!due) continue;
    metrics.values.emplace_back(concat_text("loss/validation/", kind, "_average"), found->mean);
    metrics.values.emplace_back(concat_text("loss/validation/", kind, "_divergence"),
                                found->mean - metrics.loss_average);
  }
  parts_.progress.message(concat_text("step ", metrics.step, ": validation loss ", found->mean));
}

void TrainingLoop::stop_not_finite(const std::string& what, int64_t number, const Taken& taken) const {
  std::string first;
  for (const StepInputs& inputs : taken.inputs)
    if (first.empty())
      first = parts_.trainer.where_not_finite(inputs,
                                              loss_scale_.value() / static_cast<double>(parts_.length.accumulation));
  const std::string& saved = parts_.saver.last_saved();
  throw NonFiniteError(concat_text(
      "step ", number, ": ", what, "; nothing of this step is saved",
      saved.empty() ? "" : "; the last good file is " + saved,
      first.empty() ? "" : "\nThe first value that is not finite: " + first, "\nTry a lower --learning_rate, ",
      loss_scale_.dynamic() ? "--mixed_precision bf16" : "--mixed_precision no",
      parts_.config.save.on_nonfinite == "rollback"
          ? ""
          : ", or --on_nonfinite rollback, which goes back to the last state with half the learning rate",
      ". The pictures of the step were:", listed(taken.files)));
}

std::vector<TrainingLoop::Due> TrainingLoop::due_saves(const StepMetrics& metrics) const {
  const SaveConfig& c = parts_.config.save;
  const RunLength& length = parts_.length;
  const int64_t every_steps = c.save_every_n_steps.value_or(0), every_epochs = epochs_between_saves(c, length.epochs);
  std::vector<Due> all;
  if (every_steps > 0 && metrics.step % every_steps == 0) {
    Due due{.adapter = names_.at_step(metrics.step), .epochs = metrics.epoch - 1};
    // sd-scripts counts back one step more than the setting, and from there to a saved step.
    const auto old = [&](const std::optional<int64_t>& last) {
      const int64_t before = metrics.step - last.value_or(metrics.step) - 1;
      return before - before % every_steps;
    };
    const auto& last_state = c.save_last_n_steps_state ? c.save_last_n_steps_state : c.save_last_n_steps;
    if (old(c.save_last_n_steps) > 0) due.old_adapter = names_.at_step(old(c.save_last_n_steps));
    if (c.save_state) {
      due.state_folder = names_.state_at_step(metrics.step);
      if (old(last_state) > 0) due.old_state_folder = names_.state_at_step(old(last_state));
    }
    all.push_back(due);
  }
  const bool epoch_ends = metrics.step % length.steps_per_epoch() == 0;
  if (every_epochs > 0 && epoch_ends && metrics.epoch % every_epochs == 0 && metrics.epoch < length.epochs) {
    Due due{.adapter = names_.at_epoch(metrics.epoch), .epochs = metrics.epoch};
    const auto old = [&](const std::optional<int64_t>& last) {
      return last ? metrics.epoch - every_epochs * *last : int64_t{0};
    };
    const auto& last_state = c.save_last_n_epochs_state ? c.save_last_n_epochs_state : c.save_last_n_epochs;
    if (old(c.save_last_n_epochs) > 0) due.old_adapter = names_.at_epoch(old(c.save_last_n_epochs));
    if (c.save_state) {
      due.state_folder = names_.state_at_epoch(metrics.epoch);
      if (old(last_state) > 0) due.old_state_folder = names_.state_at_epoch(old(last_state));
    }
    all.push_back(due);
  }
  return all;
}

void TrainingLoop::save(const std::string& path, int64_t steps, int64_t epochs) {
  try {
    parts_.saver.save(path, steps, epochs);
  } catch (const NonFiniteWeightError& error) {  // the update itself overflowed
    throw NonFiniteError(concat_text("step ", steps, ": ", error.what()));
  }
  parts_.progress.message("saved " + path);
}

std::string TrainingLoop::save_somewhere(const std::string& path, int64_t steps, int64_t epochs) {
  std::string fault;
  try {
    std::error_code ignored;
    std::filesystem::create_directories(names_.folder(), ignored);  // it may be gone
    save(path, steps, epochs);
    return fault;
  } catch (const FileError& error) {
    fault = error.what();
  }
  try {
    const std::filesystem::path name = std::filesystem::path(path).filename();
    std::filesystem::path other = std::filesystem::temp_directory_path() / name;
    for (int i = 2; std::filesystem::exists(other); ++i)
      other.replace_filename(concat_text(name.stem().string(), "-", i, name.extension().string()));
    save(other.string(), steps, epochs);
    fault += "\nIt is saved in " + other.string() + " instead: move it to where it belongs";
  } catch (const std::exception& error) {
    fault += concat_text("\nIt cannot be saved elsewhere either: ", error.what());
  }
  if (state_step_ >= 0)
    fault += concat_text("\nOnce there is room, the same command goes on after step ", state_step_, ", from ",
                         parts_.states.path());
  return fault;
}

bool TrainingLoop::try_write(const std::function<void()>& write) {
  try {
    write();
    return true;
  } catch (const FileError& error) {
    // The disk may have room again later. Each fault is said once, not at every step.
    if (told_file_errors_.insert(error.what()).second)
      parts_.progress.message(concat_text(error.what(), "; training goes on"));
    return false;
  }
}

bool TrainingLoop::save_state(int64_t steps, const std::string& folder) {
  try {
    if (state_step_ != steps) {
      RunPosition position{.step = steps,
                           .updates = updates_,
                           .skipped = skipped_,
                           .loss_scale = loss_scale_.state(),
                           .rollbacks = parts_.start.rollbacks};
      for (const double loss : losses_.values()) position.losses.push_back(static_cast<float>(loss));
      parts_.states.save(position);
      state_step_ = steps;
    }
    if (!folder.empty()) parts_.states.keep_in(folder);
    return true;
  } catch (const Error& error) {
    parts_.progress.message(
        concat_text("the state after step ", steps, " could not be saved, training goes on: ", error.what()));
    return false;
  }
}

void TrainingLoop::save_at_end(const TrainOutcome& outcome, const StepMetrics& metrics) {
  const SaveConfig& c = parts_.config.save;
  if (outcome.interrupted) {
    const std::string fault = save_somewhere(names_.at_step(outcome.steps), outcome.steps, metrics.epoch - 1);
    save_state(outcome.steps, c.save_state ? names_.state_at_step(outcome.steps) : "");
    check(fault.empty(), "stopped after step ", outcome.steps, ", but the LoRA is not saved as it should be: ", fault);
    return;
  }
  const std::string fault = save_somewhere(names_.last(), outcome.steps, parts_.length.epochs);
  check(fault.empty(), "all ", outcome.steps, " steps are done, but the LoRA is not saved as it should be: ", fault);
  if (c.save_state || c.save_state_on_train_end) save_state(outcome.steps, names_.last_state());
  try {
    parts_.states.remove();
  } catch (const Error& error) {
    parts_.progress.message(error.what());
  }
}

void TrainingLoop::remove_old(const std::string& path) {
  if (path.empty()) return;
  std::error_code error;
  if (std::filesystem::remove_all(path, error) > 0 && !error) parts_.progress.message("removed " + path);
  if (error) parts_.progress.message(concat_text("cannot remove ", path, ": ", error.message()));
}

void TrainingLoop::make_previews(int64_t step) {
  const RunLength& length = parts_.length;
  std::optional<int64_t> epoch;
  if (step > 0 && step % length.steps_per_epoch() == 0) epoch = step / length.steps_per_epoch();
  if (!parts_.previews || !parts_.previews->due(step, epoch) || parts_.interrupt.requested()) return;
  // As in sd-scripts' file names: steps are counted where they decide, epochs else, from 0 before the first step.
  if (step == 0) epoch = 0;
  if (step > 0 && parts_.config.preview.sample_every_n_epochs.value_or(0) == 0) epoch.reset();
  const Timer timer;
  try {
    const std::vector<std::string> files =
        parts_.previews->make(step, epoch, [&] { return parts_.interrupt.requested(); });
    if (files.empty()) return;
    for (size_t i = 0; i < files.size(); ++i)
      try_write([&] { parts_.log.write_picture(files[i], std::to_string(i), step); });
    try_write([&] { parts_.log.write_report(RunState::running); });
    const double seconds = timer.seconds();
    std::string text = concat_text(files.size(), files.size() == 1 ? " sample picture in " : " sample pictures in ",
                                   duration_text(seconds), ": ", files.front(), files.size() > 1 ? " ..." : "");
    const int64_t more = parts_.previews->times_due(std::max(step, int64_t{1}), length.steps, length.steps_per_epoch());
    if (!std::exchange(samples_announced_, true) && more > 0)
      text += concat_text("; ", more == 1 ? "once more" : concat_text(more, " more times"), " in this run, about ",
                          duration_text(seconds * static_cast<double>(more)));
    parts_.progress.message(text);
  } catch (const std::exception& error) {
    parts_.progress.message(concat_text("no sample pictures after step ", step, ", training goes on: ", error.what()));
  }
  pending_sample_seconds_ = timer.seconds();
  sample_seconds_ += pending_sample_seconds_;
}

ProgressState TrainingLoop::progress_state(const StepMetrics& metrics) const {
  return {.step = metrics.step,
          .total_steps = parts_.length.steps,
          .epoch = metrics.epoch,
          .total_epochs = parts_.length.epochs,
          .loss = metrics.loss_average,
          .val_loss = val_loss_,
          .elapsed_seconds = timer_.seconds(),
          .seconds_per_step = step_seconds_.mean(),
          .loader_wait_seconds = waits_.mean()};
}

}  // namespace rankine
