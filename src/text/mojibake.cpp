#include "text/mojibake.h"

#include <array>
#include <cstdint>
#include <utility>

#include "text/unicode.h"

namespace rankine {
namespace {

// Windows-1252's characters for the bytes 0x80 ... 0x9f; its five holes are the controls with the same number.
constexpr std::array<char32_t, 32> windows_1252 = {0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
                                                   0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8d,   0x017d, 0x8f,
                                                   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
                                                   0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,   0x017e, 0x0178};

// The byte of the character in Windows-1252 (or Latin-1, for C1 controls); -1 if neither has it.
int byte_of(char32_t c) {
  if (c < 0x100) return static_cast<int>(c);
  for (size_t i = 0; i < windows_1252.size(); ++i)
    if (windows_1252[i] == c) return static_cast<int>(0x80 + i);
  return -1;
}

struct Sequence {
  char32_t value = 0;
  size_t length = 0;  // characters; 0 when no UTF-8 sequence starts here
};

Sequence sequence_at(std::u32string_view text, size_t at) {
  const int lead = byte_of(text[at]);
  const size_t length = lead >= 0xc2 && lead <= 0xdf   ? 2
                        : lead >= 0xe0 && lead <= 0xef ? 3
                        : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                       : 0;
  if (length == 0 || at + length > text.size()) return {};
  char32_t value = static_cast<char32_t>(lead) & (0xffu >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    const int byte = byte_of(text[at + i]);
    if (byte < 0x80 || byte > 0xbf) return {};
    value = (value << 6) | (static_cast<char32_t>(byte) & 0x3f);
  }
  const bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (overlong || surrogate || value > 0x10ffff) return {};
  return {value, length};
}

bool holds(std::u32string_view set, char32_t c) { return set.find(c) != std::u32string_view::npos; }

// Pairs of characters that may follow an accented letter in real text.
constexpr std::pair<std::u32string_view, std::u32string_view> plausible_pairs[] = {
    {U"\u201a\u201e\u2039\u2018\u201c\u2022\u00a1\u00a9\u00ab\u00bf",  // opening quotes and marks
     U"\u20ac\u201a\u201e\u2026\u2039\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u2122\u203a\u00a0\u00a1\u00a2\u00a3"
     U"\u00a5\u00a7\u00a9\u00ab\u00ad\u00ae\u00b0\u00b4\u00b6\u00b7\u00bb\u00bf"},
    {U"\u201d\u2122\u203a\u00bb\u00ae",  // closing quotes and marks
     U"\u2026\u2019\u201d\u2013\u2014\u2122\u203a\u00a0\u00a7\u00ad\u00ae\u00b0\u00b1\u00b4\u00b6\u00b7\u00bb"},
    {U"\u00b1\u00b2\u00b3\u00b5\u00b9\u00bc\u00bd\u00be",  // raised numbers and fractions
     U"\u20ac\u2026\u2019\u201d\u2013\u2014\u2122\u203a\u00a0\u00a2\u00a3\u00a5\u00a7\u00ad\u00ae\u00b0\u00b1\u00b2"
     U"\u00b3\u00b4\u00b5\u00b6\u00b7\u00b9\u00bb\u00bc\u00bd\u00be"},
    {U"\u00a7\u00b6",  // section and paragraph signs
     U"\u20ac\u201a\u201e\u2026\u0160\u2039\u017d\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u2122\u0161\u203a\u017e"
     U"\u0178\u00a0\u00a1\u00a2\u00a3\u00a5\u00a7\u00a9\u00ab\u00ad\u00ae\u00b0\u00b1\u00b2\u00b3\u00b4\u00b5\u00b6"
     U"\u00b7\u00b9\u00bb\u00bc\u00bd\u00be\u00bf"},
};

// True if the two- or three-character sequence may be intended: an accented letter and a character that may follow it
// in real text. The sets copy ftfy's judgement, sampled over all pairs of lead and next character.
bool is_plausible(std::u32string_view text, size_t at, const Sequence& s) {
  // No-break spaces, dots, dashes, the closing quote; small and capital s, z, oe and Y, between two letters of a word.
  constexpr std::u32string_view inside_word =
      U"\u2026\u0160\u0152\u017d\u2019\u2013\u2014\u0161\u0153\u017e\u0178\u00a0\u00ad\u00b4\u00b7";
  // The same, and quotes, money, marks, after a word's last letter.
  constexpr std::u32string_view after_word =
      U"\u20ac\u201a\u201e\u2026\u0160\u2039\u017d\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u2122\u0161\u203a\u017e"
      U"\u0178"
      U"\u00a0\u00a1\u00a2\u00a3\u00a5\u00a9\u00ab\u00ad\u00ae\u00b4\u00b7\u00bb\u00bf";
  const char32_t lead = text[at], second = text[at + 1];
  const size_t end = at + s.length;
  if (s.length == 3) {
    if (holds(U"\u2026\u2019\u2013\u2014\u00a0\u00ad\u00b0\u00b4\u00b7", second)) return true;
    for (const auto& [seconds, thirds] : plausible_pairs)
      if (holds(seconds, second)) return holds(thirds, text[at + 2]);
    return false;
  }
  if (holds(U"\u00d2\u00d3\u00d4\u00d5\u00d6\u00d9\u00da\u00db", lead)) return true;  // would be a rare script
  if (lead == 0xc2) return s.value < 0xa0;                                            // would be a C1 control
  if (holds(U"\u00c3\u00ce\u00d0", lead)) return holds(U"\u2026\u0152\u017d\u2019", second);
  if (lead == 0xdf && holds(U"\u2019\u2026\u2013\u2014\u0161\u00a7\u00b0\u00b1\u00b2\u00b3\u00b4\u00b5\u00b7\u00b9"
                            U"\u00bc\u00bd\u00be\u00a0",
                            second))
    return true;  // sharp s
  const bool word_goes_on = end < text.size() && is_letter(text[end]);
  return holds(word_goes_on ? inside_word : after_word, second);
}

// True if the sequence can only be mojibake.
bool is_damage(std::u32string_view text, size_t at, const Sequence& s) {
  constexpr char32_t first_empty_plane = 0x40000;
  return s.length == 4 ? s.value < first_empty_plane : !is_plausible(text, at, s);
}

bool is_damaged(std::u32string_view text) {
  size_t in_a_row = 0;  // three sequences without a gap are no coincidence
  for (size_t i = 0; i < text.size();) {
    const Sequence s = sequence_at(text, i);
    in_a_row = s.length > 0 ? in_a_row + 1 : 0;
    if (s.length > 0 && (in_a_row >= 3 || is_damage(text, i, s))) return true;
    i += s.length > 0 ? s.length : 1;
  }
  return false;
}

}  // namespace

std::u32string fix_mojibake(std::u32string_view text) {
  // Each round undoes one wrong decoding. Text with more layers is made to waste time.
  constexpr int most_rounds = 16;
  std::u32string current(text);
  for (int round = 0; round < most_rounds && is_damaged(current); ++round) {
    std::u32string next;
    for (size_t i = 0; i < current.size();) {
      const Sequence s = sequence_at(current, i);
      next += s.length > 0 ? s.value : current[i];
      i += s.length > 0 ? s.length : 1;
    }
    current = std::move(next);
  }
  for (char32_t& c : current)
    if (c >= 0x80 && c <= 0x9f) c = windows_1252[c - 0x80];
  return current;
}

}  // namespace rankine
