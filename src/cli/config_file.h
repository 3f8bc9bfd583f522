#pragma once
#include <string>
#include <vector>

#include "cli/arguments.h"

namespace rankine {

/// The file that --config_file names.
struct NamedConfig {
  std::string path;
  bool is_preset = false;  ///< JSON: see assign_gui_preset
};

/// The file of `path`: as in sd-scripts ".toml" is added if it is missing. Where there is no such file, `path` with
/// ".json" in place of that, or `path` itself.
NamedConfig find_config_file(const std::string& path);

/// Throws Error if the file is not there.
void check_config_file(const NamedConfig& found, const std::string& path);

/// Sets flags from a TOML file, by sd-scripts' rules: keys are flags without dashes, the names of sections mean
/// nothing, the last of equal keys wins; a switch is on for 1, false is "not set" for other flags. Unlike in
/// sd-scripts, a value of a wrong type is an error with file and line, and an unknown key is one line in `warnings`.
/// Throws Error if the file cannot be read or parsed, is of another kind, or a value does not fit its flag. Returns its
/// assignments.
std::vector<Occurrence> assign_config_file(const FlagTable& table, const std::string& file,
                                           std::vector<std::string>& notes, std::vector<std::string>& warnings);

/// The flags of a command line as a config file, which assign_config_file reads back. Leaves out defaults,
/// --config_file and --output_config themselves, and secrets.
std::string config_text(const std::vector<Occurrence>& given);

/// Writes it to `path`, with ".toml" as above, and returns the file's name. Throws Error if the file exists.
std::string write_config_file(const std::string& path, const std::string& text);

/// True for flags whose values are secret.
bool is_secret(const Flag& flag);

}  // namespace rankine
