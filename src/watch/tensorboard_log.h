#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "base/named_texts.h"
#include "io/event_file.h"
#include "watch/metrics_log.h"
#include "watch/tracker_config.h"

namespace rankine {

/// Where a run's event files go. Folders are called as sd-scripts' (with accelerate) are:
/// logging_dir/PREFIXyyyymmddhhmmss/network_train, the time being the local one of the start.
struct TensorBoardFolder {
  std::filesystem::path path;
  std::string run;  ///< eight hex digits that the names of its files end with
};

/// Throws Error unless a file can be made in --logging_dir, which is made when absent.
void check_logging_dir(const TrackerConfig& config);

/// `lora_file` is the run's last file, by which its parts know each other. `goes_on`: the run was interrupted before;
/// then it is the folder of its last part, if that is there.
TensorBoardFolder tensorboard_folder(const TrackerConfig& config, const std::string& lora_file, bool goes_on);

/// Writes what TensorBoard shows of a run, with the names of sd-scripts' trackers: loss/current, loss/average,
/// loss/epoch_average (over epochs, as all that is called .../epoch_...), lr/unet, and StepMetrics::values; beside them
/// norm/grad_norm, memory/resident_gib, time/step_seconds and each phase's time.
class TensorBoardLog {
 public:
  /// Makes a file of its own in the folder. When `steps_done` is not 0, what earlier files say of later steps is void.
  /// Throws FileError.
  TensorBoardLog(const TensorBoardFolder& folder, int64_t steps_done);
  const std::string& path() const { return file_.path(); }

  /// `epoch_ends`: the step is the last of its epoch, or of the run.
  void write(const StepMetrics& metrics, bool epoch_ends);
  /// A table of settings in Markdown, for --log_config.
  void write_settings(const NamedTexts& settings);
  /// A sample picture, a PNG file, under "sample/NAME".
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
