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

/// The facts about one optimiser step at its end.
struct StepMetrics {
  int64_t step = 0;   ///< from 1
  int64_t epoch = 0;  ///< from 1
  double loss = 0;    ///< mean over the step's batches
  double loss_average = 0;
  NamedNumbers learning_rates;      ///< used in this step, by parameter group: {"unet", 1e-4}
  std::optional<double> grad_norm;  ///< before clipping
  NamedNumbers values;              ///< other values of the step, by sd-scripts' tracker names: see add_update_values
  int64_t resident_bytes = 0;       ///< of the process, at the step's end; 0: unknown
  std::optional<double> val_loss;   ///< after this step, if it was validated
  NamedNumbers val_loss_at;         ///< the same per timestep: {"200", 0.1}
  double step_seconds = 0;          ///< wall clock, all phases and the time between them
  NamedNumbers seconds;  ///< per phase: load (waiting for the batch), encode, forward_backward, update, save, validate
};

/// The name of a parameter group in sd-scripts' trackers: "unet_plus" is "unet plus", "text_encoder" is "textencoder".
std::string tracker_group(std::string group);

/// Adds the values of an update (TrainingStep::update_values) to `metrics`: "lr.GROUP" goes to learning_rates, the rest
/// to values, with "lr/d*lr/GROUP" if an optimiser estimates d.
void add_update_values(StepMetrics& metrics, const NamedNumbers& update_values);

/// One JSON object without a line end:
/// {"step":1,"epoch":1,"loss":0.1,"loss_average":0.1,"lr":{"unet":0.0001},"grad_norm":0.06,"values":{"d":1e-06},"resident_bytes":1717986918,"step_seconds":1.5,"seconds":{"load":0.01}}
/// Numbers that are not finite become null, because JSON has none.
std::string metrics_line(const StepMetrics& metrics);

/// Appends one line per step to `metrics.jsonl`. Each line reaches the system in one write, so a reader, or a killed
/// run, sees at most one incomplete line; opening the file ends such a line.
class MetricsLog {
 public:
  /// The length of the file in bytes.
  static int64_t length(const std::filesystem::path& file);
  /// Removes lines of steps after `step` at the file's end: the run repeats these steps. Never touches the first `kept`
  /// bytes, which are of other runs.
  static void go_back_to(const std::filesystem::path& file, int64_t step, int64_t kept = 0);

  /// Makes the file and its folder if they are missing. Throws Error if the file cannot be written.
  explicit MetricsLog(const std::filesystem::path& file);
  /// Throws FileError if the disk is full; later lines still start on a line of their own.
  void write(const StepMetrics& metrics);

 private:
  std::filesystem::path file_;
  std::ofstream out_;
  bool line_is_broken_ = false;
};

}  // namespace rankine
