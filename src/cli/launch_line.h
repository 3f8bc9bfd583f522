#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cli/train_options.h"

namespace rankine {

/// A command line of sd-scripts as guides and notebooks have it: `accelerate launch [OPTIONS] train_network.py FLAGS`,
/// `python train_network.py FLAGS`, `train_network.py FLAGS`, also with `NAME=value` in front. Gives the flags that
/// come after the script, without what only a Windows shell or file means at the end of a line; nullopt when `args`
/// begin with something else. What becomes of the options before the script is told in `messages`.
/// Throws Error when no script is named, or another one than train_network.py.
std::optional<std::vector<std::string>> flags_of_launch_line(const std::vector<std::string>& args, Messages& messages);

}  // namespace rankine
