#pragma once
#include <string>
#include <string_view>

namespace rankine {

/// A part of a user's file for a message: at most `most` bytes of it, cut between UTF-8 characters and then ended by
/// "...", because a message must stay readable whatever the file holds.
inline std::string shortened(std::string_view text, size_t most = 200) {
  if (text.size() <= most) return std::string(text);
  size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "...";
}

}  // namespace rankine
