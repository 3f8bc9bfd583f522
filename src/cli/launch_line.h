#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cli/train_options.h"

namespace rankine {

/// A command line of sd-scripts.
struct LaunchLine {
  std::string script;              ///< "train_network.py"
  std::vector<std::string> flags;  ///< behind it, without line ends that only mean something to a Windows shell
};

/// Parses a command line of sd-scripts from a guide or notebook: `accelerate launch [OPTIONS] train_network.py FLAGS`,
/// `python train_network.py FLAGS`, `train_network.py FLAGS`, also after `NAME=value`; nullopt if `args` begin with
/// something else. `messages` explains the effect of options before the script. Throws Error if no script is named, or
/// one that trains no LoRA of a family that is built.
std::optional<LaunchLine> parse_launch_line(const std::vector<std::string>& args, Messages& messages);

}  // namespace rankine
