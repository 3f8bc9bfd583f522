#pragma once
#include <string>
#include <string_view>

namespace rankine {

/// Undoes UTF-8 that was once read as Windows-1252 ("schÃ¶n" -> "schön", "â€œ" -> a curly quote), however many times.
/// Text that may be meant as it stands ("AHÅ™") is left alone. Single C1 controls become Windows-1252's characters.
std::u32string fix_mojibake(std::u32string_view text);

}  // namespace rankine
