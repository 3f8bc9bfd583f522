#pragma once
#include <string>
#include <string_view>

namespace rankine {

/// Cuts text of a user's file to at most `most` bytes for a message: between UTF-8 characters, ended by "...". So a
/// message stays readable with any file.
inline std::string shortened(std::string_view text, size_t most = 200) {
  if (text.size() <= most) return std::string(text);
  size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "...";
}

}  // namespace rankine
