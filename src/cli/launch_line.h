#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cli/train_options.h"

namespace rankine {

/// Parses a command line of sd-scripts from a guide or notebook: `accelerate launch [OPTIONS] train_network.py FLAGS`,
/// `python train_network.py FLAGS`, `train_network.py FLAGS`, also after `NAME=value`. Returns the flags after the
/// script, without line ends that only mean something to a Windows shell; nullopt if `args` begin with something else.
/// `messages` explains the effect of options before the script. Throws Error if no script is named, or another one than
/// train_network.py.
std::optional<std::vector<std::string>> flags_of_launch_line(const std::vector<std::string>& args, Messages& messages);

}  // namespace rankine
