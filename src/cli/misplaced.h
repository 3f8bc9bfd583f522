#pragma once
#include <string>

namespace rankine {

/// The flag that a file or folder without one belongs to: "--config_file" for a config file. Empty if there is no such
/// file, or its kind is not known.
std::string flag_of_file(const std::string& path);

/// Where a key that is no flag has its effect: "; it belongs in network_args: network_args = [\"conv_dim=...\"]". Empty
/// for a key that belongs nowhere.
std::string place_of_key(const std::string& key);

}  // namespace rankine
