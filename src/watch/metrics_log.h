#pragma once
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rankine {

using NamedNumbers = std::vector<std::pair<std::string, double>>;

/// What is known of one optimiser step when it is over.
struct StepMetrics {
  int64_t step = 0;   ///< from 1
  int64_t epoch = 0;  ///< from 1
  double loss = 0;    ///< mean over the step's batches
  double loss_average = 0;
  NamedNumbers learning_rates;      ///< used in this step, by parameter group: {"unet", 1e-4}
  std::optional<double> grad_norm;  ///< before clipping
  NamedNumbers values;              ///< what else the step told, by sd-scripts' tracker names: see add_update_values
  int64_t resident_bytes = 0;       ///< of the process, at the step's end; 0: unknown
  std::optional<double> val_loss;   ///< after this step, where pictures were held out and it was taken
  NamedNumbers val_loss_at;         ///< the same by timestep: {"200", 0.1}
  double step_seconds = 0;          ///< wall clock, all phases and what lies between
  NamedNumbers seconds;  ///< by phase: load (waiting for the batch), encode, forward_backward, update, save, validate
};

/// How sd-scripts' trackers call a parameter group: "unet_plus" is "unet plus", "text_encoder" is "textencoder".
std::string tracker_group(std::string group);

/// Takes what an update told (TrainingStep::update_values) into `metrics`: "lr.GROUP" into learning_rates, the rest
/// into values, with "lr/d*lr/GROUP" where an optimiser estimates d.
void add_update_values(StepMetrics& metrics, const NamedNumbers& told);

/// One JSON object, without the line's end:
/// {"step":1,"epoch":1,"loss":0.1,"loss_average":0.1,"lr":{"unet":0.0001},"grad_norm":0.06,"values":{"d":1e-06},"resident_bytes":1717986918,"step_seconds":1.5,"seconds":{"load":0.01}}
/// Numbers that are not finite become null, as JSON has none.
std::string metrics_line(const StepMetrics& metrics);

/// Appends a line a step to `metrics.jsonl`. Each line is handed to the system whole, so that a reader, or a run that
/// is killed, never leaves more than one broken line; opening ends such a line.
class MetricsLog {
 public:
  /// How long the file is, in bytes.
  static int64_t length(const std::filesystem::path& file);
  /// Of the lines at the file's end, removes those of steps after `step`, which are going to be done again; none of the
  /// first `kept` bytes, which are of other runs.
  static void go_back_to(const std::filesystem::path& file, int64_t step, int64_t kept = 0);

  /// Creates the file and its folder when absent. Throws Error when it cannot be written.
  explicit MetricsLog(const std::filesystem::path& file);
  /// Throws FileError when the disk is full; what is written later stands on lines of its own.
  void write(const StepMetrics& metrics);

 private:
  std::filesystem::path file_;
  std::ofstream out_;
  bool line_is_broken_ = false;
};

}  // namespace rankine
