#include "io/nesting.h"

#include <algorithm>

#include "base/error.h"

namespace rankine {
namespace {

/// Dataset files need 4 levels. Each key of a list or table may have as many dots, so a tree is at most 64 * 64 deep.
constexpr int kDeepest = 64;

/// The position after the string that begins at `at`: "...", '...', """...""" or '''...'''. If it has no end, or one
/// that only the other format allows, the parser stops at the same place.
size_t end_of_string(std::string_view text, size_t at) {
  const char quote = text[at];
  const bool has_escapes = quote == '"';
  const std::string triple(3, quote);
  const bool is_long = text.substr(at, 3) == triple;
  for (at += is_long ? 3 : 1; at < text.size(); ++at) {
    if (has_escapes && text[at] == '\\') {
      ++at;
    } else if (text[at] == quote && !is_long) {
      return at + 1;
    } else if (text[at] == quote && text.substr(at, 3) == triple) {
      // Up to two quotes before the closing three belong to the text.
      for (at += 3; at < text.size() && text[at] == quote; ++at) {
      }
      return at;
    }
  }
  return text.size();
}

}  // namespace

void check_nesting(std::string_view text, const std::string& path) {
  int depth = 0, dots = 0;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '"' || c == '\'') {
      at = end_of_string(text, at);
      continue;
    }
    if (c == '#') {  // a TOML comment; JSON has none, and its parser stops here
      at = std::min(text.find('\n', at), text.size());
      continue;
    }
    ++at;
    if (c == '[' || c == '{') {
      ++depth;
      dots = 0;
    } else if (c == ']' || c == '}') {
      depth = std::max(depth - 1, 0);
    } else if (c == '.') {
      ++dots;
    } else if (c == '=' || c == ',' || c == '\n') {
      dots = 0;
    }
    if (depth > kDeepest || dots > kDeepest)
      fail(path, ":", std::ranges::count(text.substr(0, at), '\n') + 1,
           ": lists, objects or dotted keys lie too deep inside each other: more than ", kDeepest, " levels");
  }
}

}  // namespace rankine
