#pragma once
#include <string>
#include <vector>

#include "cli/arguments.h"

namespace rankine {

/// Gives flags the values of a TOML file, by sd-scripts' rules: ".toml" is added to `path` when it is not there, keys
/// are flags without dashes, sections only order the file and their names mean nothing, the last of equal keys counts.
/// Unlike there, a value of a wrong type is an error with file and line, and an unknown key is one line in `warnings`.
/// Throws Error when the file cannot be read or parsed, or a value does not fit its flag. Gives what it assigned.
std::vector<Occurrence> assign_config_file(const FlagTable& table, const std::string& path,
                                           std::vector<std::string>& notes, std::vector<std::string>& warnings);

}  // namespace rankine
