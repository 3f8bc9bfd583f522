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

/// The flags of a command line as a config file, which assign_config_file reads as they were. Left out are those at
/// their defaults, --config_file and --output_config themselves, and secrets.
std::string config_text(const std::vector<Occurrence>& given);

/// Writes it to `path`, with ".toml" as above, and gives the file's name. Throws Error when that is there already.
std::string write_config_file(const std::string& path, const std::string& text);

/// Flags whose values nobody else should read.
bool is_secret(const Flag& flag);

}  // namespace rankine
