#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cli/flag.h"
#include "run/train_config.h"

namespace rankine {

/// The flags of `rankine train` write here: into the config itself, or beside it where a value only becomes a part of
/// the config once all flags are read.
struct TrainOptions {
  TrainConfig config;

  std::optional<std::string> config_file;
  bool output_config = false;  ///< write config_file instead of reading it, and stop
  std::string config_text;     ///< then: what it is to hold
  std::optional<std::string> console_log_level;
  std::optional<std::string> caption_extention;  ///< the old misspelling; when given it wins
  std::vector<std::string> lr_scheduler_args;    ///< "key=value"
};

/// Every flag of sd-scripts' train_network.py and sdxl_train_network.py. The table's targets point into `options`,
/// whose values at this moment are the defaults: `options` must stay where it is as long as the table is used.
FlagTable train_flags(TrainOptions& options);

}  // namespace rankine
