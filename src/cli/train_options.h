#pragma once
#include <map>
#include <string>
#include <vector>

#include "base/log.h"
#include "cli/flags.h"

namespace rankine {

/// Hints for the user about a valid command line.
struct Messages {
  std::vector<std::string> notes;     ///< flags without effect
  std::vector<std::string> warnings;  ///< settings that are ignored

  /// Logs each text once.
  void write() const;
};

/// Reads the arguments after `rankine train` and their `--config_file`; the command line overrides the file. Throws
/// Error for the first fault. check_train_config checks later that the settings fit together. `more` are flags of
/// another command that takes these too; a config file does not set them.
TrainOptions read_train_options(const std::vector<std::string>& args, Messages& messages, const FlagGroup& more = {});

/// The values of the flags that change a run's numbers and are not at their defaults, by key.
std::map<std::string, std::string> given_flags(const FlagTable& table);

/// Parses the levels of --console_log_level, DEBUG and INFO to CRITICAL.
log::Level log_level(const std::string& name);

}  // namespace rankine
