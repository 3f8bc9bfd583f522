#pragma once
#include <string>
#include <string_view>

namespace rankine {

/// Throws Error that names `path` and line if lists, objects or dotted keys of a JSON or TOML text are nested deeper
/// than in any real file. The code that builds, copies and frees the parsed tree is recursive, and a file of 100 KB
/// could overflow the stack.
void check_nesting(std::string_view text, const std::string& path);

}  // namespace rankine
