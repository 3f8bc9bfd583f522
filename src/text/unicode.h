#pragma once
#include <string>
#include <string_view>

namespace rankine {

/// The code points of a UTF-8 text. Throws Error with the byte position of the first malformed sequence.
std::u32string decode_utf8(std::string_view text);
/// Throws Error as decode_utf8 does, without decoding.
void check_utf8(std::string_view text);
std::string encode_utf8(std::u32string_view text);

/// Unicode normalisation forms NFC (composed) and NFKC (composed, compatibility characters replaced).
std::u32string to_nfc(std::u32string_view text);
std::u32string to_nfkc(std::u32string_view text);
/// Full case mappings without a locale, as Python's str.lower and str.upper: "İ" gives two code points, a final "Σ"
/// gives "ς".
std::u32string to_lower(std::u32string_view text);
std::u32string to_upper(std::u32string_view text);

/// General categories L* and N*.
bool is_letter(char32_t c);
bool is_number(char32_t c);
/// White space as Python's `\s` and str.split() define it.
bool is_space(char32_t c);

/// Replaces every run of white space by one space and removes it at the ends.
std::u32string collapse_spaces(std::u32string_view text);
/// Removes white space at the ends of a UTF-8 text, as Python's str.strip.
std::string_view strip(std::string_view text);

}  // namespace rankine
