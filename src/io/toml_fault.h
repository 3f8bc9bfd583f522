#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace rankine {

/// What to say of a TOML file that cannot be parsed: "FILE:LINE: this is not valid TOML: DESCRIPTION", and what to try
/// where the line has a Windows path in double quotes, in which a backslash begins an escape.
std::string toml_fault(const std::string& path, uint32_t line, std::string_view description);

}  // namespace rankine
