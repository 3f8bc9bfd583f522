#pragma once
#include <string>
#include <vector>

namespace rankine {

/// A command as a shell reads it: words with other characters than the harmless ones stand in quotes.
std::string shell_text(const std::vector<std::string>& words);

/// How this process was called: "rankine", "./build/rankine".
std::string program_name();

}  // namespace rankine
