#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cli/flag.h"
#include "run/train_config.h"

namespace rankine {

/// The targets of the flags of `rankine train`: the config itself, or a field beside it if the value becomes part of
/// the config only after all flags are read.
struct TrainOptions {
  TrainConfig config;

  std::optional<std::string> config_file;
  bool output_config = false;  ///< write config_file instead of reading it, and stop
  std::string config_text;     ///< for output_config: the content of the file
  std::optional<std::string> console_log_level;
  std::optional<std::string> caption_extention;  ///< the old misspelling, which overrides the right one
  std::vector<std::string> lr_scheduler_args;    ///< "key=value"
};

/// Every flag of sd-scripts' train_network.py and sdxl_train_network.py. The table's targets point into `options`,
/// whose present values are the defaults; so `options` must not move while the table is used.
FlagTable train_flags(TrainOptions& options);

}  // namespace rankine
