#pragma once
#include <string>
#include <vector>

namespace rankine {

/// A command as a shell reads it: words with other characters than the harmless ones stand in quotes.
std::string shell_text(const std::vector<std::string>& words);

/// The words of a command as a POSIX shell splits them: quotes and backslashes keep characters together and are taken
/// off. Nothing is expanded. Throws Error when a quote does not end.
std::vector<std::string> shell_words(const std::string& text);

/// How this process was called: "rankine", "./build/rankine".
std::string program_name();

}  // namespace rankine
