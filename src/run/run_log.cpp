#include "run/run_log.h"

#include <optional>

#include "io/atomic_file.h"

namespace rankine {

RunLog::RunLog(MetricsLog metrics, std::unique_ptr<TensorBoardLog> tensorboard, Report report, RunLength length)
    : metrics_(std::move(metrics)), tensorboard_(std::move(tensorboard)), report_(std::move(report)), length_(length) {}

void RunLog::write(const StepMetrics& metrics) {
  has_steps_ = true;
  std::optional<FileError> refused;
  try {
    metrics_.write(metrics);
  } catch (const FileError& error) {
    refused = error;
  }
  const bool epoch_ends = metrics.step % length_.steps_per_epoch() == 0 || metrics.step == length_.steps;
  if (tensorboard_) tensorboard_->write(metrics, epoch_ends);
  if (refused) throw FileError(*refused);
}

void RunLog::write_picture(const std::string& png_file, const std::string& name, int64_t step) {
  if (tensorboard_) tensorboard_->write_picture(png_file, name, step);
}

void RunLog::write_report(RunState state) const {
  if (!has_steps_) return;
  try {
    report_.write(state);
  } catch (const Error& error) {
    // The run continues without the report: any fault here is only logged.
    throw FileError(concat_text("the report cannot be written: ", error.what()));
  }
}

}  // namespace rankine
