#include "text/repair_text.h"

#include <algorithm>

#include "text/html_entities.h"
#include "text/mojibake.h"
#include "text/unicode.h"

namespace rankine {
namespace {

// U+FB00 ... U+FB06 and the two-letter characters of Dutch, Afrikaans and the Croatian alphabet; empty for all others.
std::u32string_view ligature(char32_t c) {
  switch (c) {
    case 0x0132:
      return U"IJ";
    case 0x0133:
      return U"ij";
    case 0x0149:
      return U"\u02bcn";
    case 0x01c4:
      return U"D\u017d";
    case 0x01c5:
      return U"D\u017e";
    case 0x01c6:
      return U"d\u017e";
    case 0x01c7:
      return U"LJ";
    case 0x01c8:
      return U"Lj";
    case 0x01c9:
      return U"lj";
    case 0x01ca:
      return U"NJ";
    case 0x01cb:
      return U"Nj";
    case 0x01cc:
      return U"nj";
    case 0x01f1:
      return U"DZ";
    case 0x01f2:
      return U"Dz";
    case 0x01f3:
      return U"dz";
    case 0xfb00:
      return U"ff";
    case 0xfb01:
      return U"fi";
    case 0xfb02:
      return U"fl";
    case 0xfb03:
      return U"ffi";
    case 0xfb04:
      return U"ffl";
    case 0xfb05:
      return U"\u017ft";
    case 0xfb06:
      return U"st";
    default:
      return {};
  }
}

bool is_removed_control(char32_t c) {
  return c <= 0x08 || c == 0x0b || (c >= 0x0e && c <= 0x1f) || c == 0x7f || (c >= 0x206a && c <= 0x206f) ||
         c == 0xfeff || (c >= 0xfff9 && c <= 0xfffc);
}

std::u32string replace_characters(std::u32string_view text) {
  std::u32string out;
  for (const char32_t c : text) {
    if (const std::u32string_view letters = ligature(c); !letters.empty()) {
      out += letters;
    } else if (c == 0x3000) {
      out += U' ';
    } else if (c >= 0xff01 && c <= 0xffef) {
      out += to_nfkc({&c, 1});
    } else {
      out += c;
    }
  }
  for (char32_t& c : out) {
    if (c == 0x02bc || (c >= 0x2018 && c <= 0x201b)) c = U'\'';
    if (c >= 0x201c && c <= 0x201f) c = U'"';
    if (c == U'\r' || c == 0x85 || c == 0x2028 || c == 0x2029) c = U'\n';
  }
  return out;
}

// Colours and cursor movements: ESC [ digits and semicolons, a letter.
std::u32string remove_terminal_escapes(std::u32string_view text) {
  std::u32string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 2) == U"\x1b[") {
      size_t end = i + 2;
      while (end < text.size() && ((text[end] >= U'0' && text[end] <= U'9') || text[end] == U';')) ++end;
      const char32_t last = end < text.size() ? (text[end] | 0x20) : 0;
      if (last >= U'a' && last <= U'z') {
        i = end;
        continue;
      }
    }
    out += text[i];
  }
  return out;
}

std::u32string repair_line(std::u32string current, bool unescape) {
  // Each round undoes one layer of damage: "&amp;amp;" takes two. Text with more layers is made to waste time, which
  // grows with the square of its length.
  constexpr int most_rounds = 16;
  for (int round = 0; round < most_rounds; ++round) {
    std::u32string next = unescape ? unescape_html(current) : current;
    next = remove_terminal_escapes(replace_characters(fix_mojibake(next)));
    std::erase_if(next, is_removed_control);
    next = to_nfc(next);
    if (next == current) break;
    current = std::move(next);
  }
  return current;
}

// True for ASCII without entities and controls. Most captions are like this and need no repair.
bool is_plain(std::u32string_view text) {
  return std::ranges::all_of(text, [](char32_t c) { return c >= 0x20 && c < 0x7f && c != U'&'; });
}

}  // namespace

std::u32string repair_text(std::u32string_view text) {
  if (is_plain(text)) return std::u32string(text);
  std::u32string out;
  bool unescape = true;
  for (size_t begin = 0; begin < text.size();) {
    const size_t newline = text.find(U'\n', begin);
    const size_t end = newline == std::u32string_view::npos ? text.size() : newline + 1;
    const std::u32string_view line = text.substr(begin, end - begin);
    if (line.find(U'<') != std::u32string_view::npos) unescape = false;
    out += repair_line(std::u32string(line), unescape);
    begin = end;
  }
  return out;
}

}  // namespace rankine
