#pragma once
#include <string>
#include <string_view>

namespace rankine {

/// The text of an error of the JSON library for a user: "line 1, column 5: syntax error ...", without the name of its
/// exception and cut to a readable length.
std::string json_fault(std::string_view text);

}  // namespace rankine
