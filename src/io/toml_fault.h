#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace rankine {

/// The message for a TOML file that cannot be parsed: "FILE:LINE: this is not valid TOML: DESCRIPTION". If the line has
/// a Windows path in double quotes, where a backslash begins an escape, it adds a remedy.
std::string toml_fault(const std::string& path, uint32_t line, std::string_view description);

}  // namespace rankine
