#pragma once
#include <string>
#include <vector>

#include "base/log.h"
#include "cli/flags.h"

namespace rankine {

/// What a user should hear about a command line that is good.
struct Messages {
  std::vector<std::string> notes;     ///< flags without effect
  std::vector<std::string> warnings;  ///< settings that are left out

  /// To the log, each text once.
  void write() const;
};

/// Reads the arguments after `rankine train` and the `--config_file` that they may name; the command line wins.
/// Throws Error for the first thing that cannot be understood. Whether the settings fit together is left to
/// check_train_config. `more` are flags of another command that takes these too; a config file does not set them.
TrainOptions read_train_options(const std::vector<std::string>& args, Messages& messages, const FlagGroup& more = {});

/// DEBUG and INFO to CRITICAL, as --console_log_level names them.
log::Level log_level(const std::string& name);

}  // namespace rankine
