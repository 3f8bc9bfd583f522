#include "text/mojibake.h"

#include <array>
#include <cstdint>

namespace rankine {
namespace {

// Windows-1252's characters for the bytes 0x80 ... 0x9f; its five holes stand for the controls of the same number.
constexpr std::array<char32_t, 32> windows_1252 = {0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
                                                   0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8d,   0x017d, 0x8f,
                                                   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
                                                   0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,   0x017e, 0x0178};

// The byte that Windows-1252 (or Latin-1, for C1 controls) writes for the character; -1 when neither has it.
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

// Characters that do follow an accented letter in real text: closing quotes, dashes, trade marks, no-break spaces ...
bool may_follow_a_letter(char32_t c) {
  constexpr std::u32string_view usual =
      U"\u00a0\u00ab\u00ae\u00b0\u00b2\u00b3\u00b7\u00b9\u00bb\u2013\u2014\u2018\u2019\u201c\u201d\u2020\u2021\u2022"
      U"\u2026\u2039\u203a\u2122\u0161\u017e\u0153\u0160\u017d\u0152\u0178";
  return usual.find(c) != std::u32string_view::npos;
}

// Can the sequence only be mojibake?
bool is_damage(std::u32string_view text, size_t at, const Sequence& s) {
  const char32_t lead = text[at];
  if (s.length == 4) return true;
  if (s.length == 3)
    return lead == U'\u00e2' || !may_follow_a_letter(text[at + 1]) || !may_follow_a_letter(text[at + 2]);
  if (lead == U'\u00c2' || lead == U'\u00c3') return true;
  return !may_follow_a_letter(text[at + 1]);
}

bool is_damaged(std::u32string_view text) {
  size_t in_a_row = 0;  // three sequences without a gap are no accident
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
  std::u32string current(text);
  while (is_damaged(current)) {  // each round makes the text shorter
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
