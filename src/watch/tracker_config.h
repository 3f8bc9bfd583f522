#pragma once
#include <optional>
#include <string>

namespace rankine {

/// Who is told of the steps beside metrics.jsonl.
struct TrackerConfig {
  std::optional<std::string> logging_dir{};       ///< where TensorBoard's files go; unset: nowhere
  std::optional<std::string> log_with{};          ///< "tensorboard", "wandb", "all"; unset as "tensorboard"
  std::optional<std::string> log_prefix{};        ///< before the time in the folder's name
  std::optional<std::string> log_tracker_name{};  ///< the folder's name inside of that; "network_train" when unset
  bool log_config = false;                        ///< the run's settings too

  bool writes_events() const { return !logging_dir.value_or("").empty(); }
};

}  // namespace rankine
