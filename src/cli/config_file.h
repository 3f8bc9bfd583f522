#pragma once
#include <string>
#include <vector>

#include "cli/arguments.h"

namespace rankine {

/// Sets flags from a TOML file, by sd-scripts' rules: ".toml" is added to `path` if it is missing, keys are flags
/// without dashes, the names of sections mean nothing, the last of equal keys wins. Unlike in sd-scripts, a value of a
/// wrong type is an error with file and line, and an unknown key is one line in `warnings`. Throws Error if the file
/// cannot be read or parsed, or a value does not fit its flag. Returns its assignments.
std::vector<Occurrence> assign_config_file(const FlagTable& table, const std::string& path,
                                           std::vector<std::string>& notes, std::vector<std::string>& warnings);

/// The flags of a command line as a config file, which assign_config_file reads back. Leaves out defaults,
/// --config_file and --output_config themselves, and secrets.
std::string config_text(const std::vector<Occurrence>& given);

/// Writes it to `path`, with ".toml" as above, and returns the file's name. Throws Error if the file exists.
std::string write_config_file(const std::string& path, const std::string& text);

/// True for flags whose values are secret.
bool is_secret(const Flag& flag);

}  // namespace rankine
