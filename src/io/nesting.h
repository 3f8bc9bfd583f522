#pragma once
#include <string>
#include <string_view>

namespace rankine {

/// Throws Error, naming `path` and line, where lists, objects or dotted keys of a JSON or TOML text lie deeper inside
/// each other than any real file has them: what builds, copies and frees the parsed tree goes down by recursion, and a
/// file of 100 KB could overflow the stack.
void check_nesting(std::string_view text, const std::string& path);

}  // namespace rankine
