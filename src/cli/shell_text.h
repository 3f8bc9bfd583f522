#pragma once
#include <string>
#include <vector>

namespace rankine {

/// A command for a shell: quotes words that hold special characters.
std::string shell_text(const std::vector<std::string>& words);

/// Splits a command into words as a POSIX shell does: quotes and backslashes keep characters together and are removed.
/// Expands nothing. Throws Error for an open quote.
std::vector<std::string> shell_words(const std::string& text);

/// The name under which this process was called: "rankine", "./build/rankine".
std::string program_name();

}  // namespace rankine
