#pragma once
#include <string>
#include <string_view>

namespace rankine {

/// Undoes UTF-8 that was read as Windows-1252, any number of times ("schÃ¶n" -> "schön", "â€œ" -> a curly quote).
/// Leaves text that may be intended ("AHÅ™"). Single C1 controls become Windows-1252's characters.
std::u32string fix_mojibake(std::u32string_view text);

}  // namespace rankine
