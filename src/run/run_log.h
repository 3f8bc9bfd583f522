#pragma once
#include <memory>

#include "run/run_length.h"
#include "watch/metrics_log.h"
#include "watch/report/report.h"
#include "watch/tensorboard_log.h"

namespace rankine {

/// The record of a run's steps: its metrics, TensorBoard's files if requested, and its report. Each method writes
/// all that it can and then throws FileError for the first refused file.
class RunLog {
 public:
  RunLog(MetricsLog metrics, std::unique_ptr<TensorBoardLog> tensorboard, Report report, RunLength length);

  void write(const StepMetrics& metrics);
  /// A sample picture that was made after `step`; `name` is the same for all pictures of a prompt. The report finds it
  /// by its file's name.
  void write_picture(const std::string& png_file, const std::string& name, int64_t step);
  /// Does nothing before the first step.
  void write_report(RunState state) const;

 private:
  MetricsLog metrics_;
  std::unique_ptr<TensorBoardLog> tensorboard_;
  Report report_;
  RunLength length_;
  bool has_steps_ = false;  // in this process; before that, the metrics may be an earlier run's
};

}  // namespace rankine
