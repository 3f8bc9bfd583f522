#pragma once
#include <string>

namespace rankine {

/// The path with a leading "~" replaced by the home folder, which a shell does not do inside quotes and no config file
/// does.
std::string with_home(const std::string& path);

/// The text with a backslash and a letter in place of each tab, new line and other character that such an escape makes:
/// "D:\training\new" in double quotes has a tab and a new line.
std::string with_escapes(const std::string& text);

/// For the message about a path that was written with such escapes: the way out; empty for any other path.
std::string escapes_hint(const std::string& path);

/// For the message about a path that is not there: the same, or that it is a path of Windows; empty for any other path.
std::string missing_path_hint(const std::string& path);

}  // namespace rankine
