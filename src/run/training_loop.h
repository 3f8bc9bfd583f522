#pragma once
#include <deque>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "base/timer.h"
#include "optim/lr_schedule.h"
#include "run/adapter_saver.h"
#include "run/batch_source.h"
#include "run/interrupt.h"
#include "run/nonfinite_error.h"
#include "run/output_names.h"
#include "run/run_length.h"
#include "run/run_log.h"
#include "run/state/state_saver.h"
#include "run/validation.h"
#include "sample/previews.h"
#include "step/loss_scale.h"
#include "watch/progress.h"

namespace rankine {

/// Mean of the last values, at most `size` of them.
class MovingMean {
 public:
  explicit MovingMean(size_t size) : size_(size) {}
  void add(double value) {
    values_.push_back(value);
    if (values_.size() > size_) values_.pop_front();
  }
  double mean() const;
  const std::deque<double>& values() const { return values_; }

 private:
  size_t size_;
  std::deque<double> values_;
};

/// How a run ended.
struct TrainOutcome {
  int64_t steps = 0;                 ///< optimiser steps done
  double loss = 0;                   ///< mean over the last epoch's worth of batches
  std::optional<double> val_loss{};  ///< of the last validation
  double seconds = 0;                ///< from the first step to the last save
  double sample_seconds = 0;         ///< of these, for sample pictures
  std::string file{};                ///< the LoRA saved last
  bool interrupted = false;          ///< by Ctrl-C or SIGTERM
  std::string state{};               ///< what an interrupted run goes on from; empty when it could not be saved
};

/// The steps of a run, from the first to the last: batches are taken, gradients are summed, the weights move, and the
/// LoRA is saved when its time comes.
class TrainingLoop {
 public:
  struct Parts {
    const TrainConfig& config;
    RunLength length;
    const LrSchedule& schedule;
    TrainingStep& trainer;
    BatchSource& batches;
    AdapterSaver& saver;
    RunLog& log;
    Progress& progress;
    const InterruptGuard& interrupt;
    StateSaver& states;
    PreviewMaker* previews = nullptr;        ///< none: no sample pictures
    RunPosition start{};                     ///< where the steps begin
    const Validation* validation = nullptr;  ///< null where nothing is held out
  };
  explicit TrainingLoop(const Parts& parts);

  /// Throws NonFiniteError when a loss or gradient is not finite (unless loss scaling can help), with the step, the
  /// files of its batches and the first such value of the graph. Throws Error when a picture can not be read any more,
  /// after saving the LoRA as it is; when the last LoRA cannot be saved in its place.
  TrainOutcome run();

 private:
  TrainOutcome all_steps();
  /// One optimiser step with all its batches.
  StepMetrics step(int64_t number);
  ReadyBatch next_batch(int64_t steps_done);
  /// Takes the loss of what is held out, if it is time.
  void validate(StepMetrics& metrics);
  /// The inputs of a step.
  struct Taken {
    std::vector<StepInputs> inputs{};  // of each micro-batch
    std::vector<std::string> files{};  // of their pictures
  };
  /// Moves the weights. With a gradient that is not finite nothing moves: under loss scaling the step is skipped and
  /// the scale halved, else the run stops. This is where such values are noticed.
  void update(StepMetrics& metrics, const Taken& taken);
  void skip(int64_t number, const Taken& taken);
  /// Throws NonFiniteError: `what` says which value it is. Looks for the first one there was.
  [[noreturn]] void stop_not_finite(const std::string& what, int64_t number, const Taken& taken) const;
  /// A save that is due after a step.
  struct Due {
    std::string adapter{}, state_folder{};
    std::string old_adapter{}, old_state_folder{};  ///< to be removed; empty: nothing
    int64_t epochs = 0;
  };
  std::vector<Due> due_saves(const StepMetrics& metrics) const;
  void save(const std::string& path, int64_t steps, int64_t epochs);
  /// The same where training does not go on to save it later: into the folder of temporary files where its own refuses
  /// it. Gives what is wrong then, and where the LoRA is; empty when all is well.
  std::string save_somewhere(const std::string& path, int64_t steps, int64_t epochs);
  /// Runs `write`; on FileError logs it once and returns false.
  bool try_write(const std::function<void()>& write);
  /// Keeps the state, also in `folder` unless that is empty. A failure is said and training goes on.
  bool save_state(int64_t steps, const std::string& folder);
  void save_at_end(const TrainOutcome& outcome, const StepMetrics& metrics);
  void remove_old(const std::string& path);
  /// Sample pictures, where they are due after a step; a failure is said and training goes on.
  void make_previews(int64_t step);
  ProgressState progress_state(const StepMetrics& metrics) const;

  Parts parts_;
  OutputNames names_;
  MovingMean losses_, step_seconds_, waits_;
  LossScale loss_scale_;
  int64_t updates_, skipped_;          // see RunPosition
  double state_seconds_ = 0;           // of the last step's state and report, which follow its line of metrics
  int64_t state_step_ = -1;            // of the state saved last
  double sample_seconds_ = 0;          // in all
  double pending_sample_seconds_ = 0;  // of the pictures that were made after the last step
  bool samples_announced_ = false;
  std::set<std::string> told_file_errors_;
  std::optional<double> val_loss_;
  Timer timer_;
};

}  // namespace rankine
