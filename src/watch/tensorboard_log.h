#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "base/named_texts.h"
#include "io/event_file.h"
#include "watch/metrics_log.h"
#include "watch/tracker_config.h"

namespace rankine {

/// The folder of a run's event files. Its name is that of sd-scripts with accelerate:
/// logging_dir/PREFIXyyyymmddhhmmss/network_train, with the local time of the start.
struct TensorBoardFolder {
  std::filesystem::path path;
  std::string run;  ///< eight hex digits that end the names of its files
};

/// Makes --logging_dir if it is missing. Throws Error if no file can be made in it.
void check_logging_dir(const TrackerConfig& config);

/// `adapter_file` is the run's last file; it identifies the parts of one run. If the run was interrupted before
/// (`goes_on`), returns the folder of its last part, if that exists.
TensorBoardFolder tensorboard_folder(const TrackerConfig& config, const std::string& adapter_file, bool goes_on);

/// Writes a run's values for TensorBoard, under the names of sd-scripts' trackers: loss/current, loss/average,
/// loss/epoch_average (over epochs, as all names .../epoch_...), lr/unet, and StepMetrics::values; also norm/grad_norm,
/// memory/resident_gib, time/step_seconds and each phase's time.
class TensorBoardLog {
 public:
  /// Makes a new file in the folder. If `steps_done` is not 0, readers discard later steps of earlier files. Throws
  /// FileError.
  TensorBoardLog(const TensorBoardFolder& folder, int64_t steps_done);
  const std::string& path() const { return file_.path(); }

  /// `epoch_ends`: the step is the last of its epoch, or of the run.
  void write(const StepMetrics& metrics, bool epoch_ends);
  /// Writes a table of settings in Markdown, for --log_config.
  void write_settings(const NamedTexts& settings);
  /// Writes a sample picture, a PNG file, under "sample/NAME".
  void write_picture(const std::string& png_file, const std::string& name, int64_t step);

 private:
  EventFile file_;
};

/// Tags and numbers of a step, in the order of the file: those over steps, and those over epochs.
struct TrackedValues {
  EventFile::Scalars by_step, by_epoch;
};
TrackedValues tracked_values(const StepMetrics& metrics, bool epoch_ends);

}  // namespace rankine
