#pragma once
#include <string>

namespace rankine {

/// The flag that a file or folder without one belongs to: "--config_file" for a config file. Empty if there is no such
/// file, or its kind is not known.
std::string flag_of_file(const std::string& path);

}  // namespace rankine
