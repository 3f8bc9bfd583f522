#pragma once
#include <optional>
#include <string>

namespace rankine {

/// Logs of steps besides metrics.jsonl. Fields carry the names of sd-scripts' flags.
struct TrackerConfig {
  std::optional<std::string> logging_dir{};       ///< folder of TensorBoard's files; unset: none
  std::optional<std::string> log_with{};          ///< "tensorboard", "wandb", "all"; unset as "tensorboard"
  std::optional<std::string> log_prefix{};        ///< before the time in the folder's name
  std::optional<std::string> log_tracker_name{};  ///< the folder's name inside that; "network_train" when unset
  bool log_config = false;                        ///< also log the run's settings

  bool writes_events() const { return !logging_dir.value_or("").empty(); }
};

}  // namespace rankine
