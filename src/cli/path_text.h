#pragma once
#include <string>
#include <vector>

#include "cli/flag.h"

namespace rankine {

/// The path with a leading "~" replaced by the home folder, which a shell does not do inside quotes and no config file
/// does. Adds a line to `notes` then.
std::string with_home(const std::string& path, const std::string& where, std::vector<std::string>& notes);

/// Refuses a path from a config file that holds a tab or another control character: "D:\training\new" in double quotes
/// has a tab and a new line. Throws Error that shows how to write it.
void refuse_escapes(const Flag& flag, const std::vector<std::string>& texts, const std::string& where);

}  // namespace rankine
