#pragma once
#include <string>
#include <string_view>

namespace rankine {

/// Repairs a text as CLIP's training data was repaired (the ftfy library with its defaults), line by line until nothing
/// changes, at most 16 times: HTML entities (not after the first line with a '<'), mojibake, Latin ligatures,
/// full-width forms, curly quotes, line breaks, terminal escapes and control characters; then NFC.
std::u32string repair_text(std::u32string_view text);

}  // namespace rankine
