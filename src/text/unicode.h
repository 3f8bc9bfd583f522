#pragma once
#include <string>
#include <string_view>

namespace rankine {

/// Code points of a UTF-8 text. Throws Error with the byte position of the first malformed sequence.
std::u32string decode_utf8(std::string_view text);
/// Throws Error as decode_utf8 does, and keeps nothing.
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
/// What `\s` and str.split() take as white space in Python.
bool is_space(char32_t c);

/// Every run of white space becomes one space; none is left at the ends.
std::u32string collapse_spaces(std::u32string_view text);
/// A UTF-8 text without the white space at its ends, as Python's str.strip.
std::string_view strip(std::string_view text);

}  // namespace rankine
