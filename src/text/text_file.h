#pragma once
#include <cstddef>
#include <string>

namespace rankine {

/// A text as it stands in a file, in UTF-8.
struct TextFile {
  std::string text{};
  bool has_byte_order_mark = false;  ///< which is not in `text`
};

/// Far more than anyone writes by hand.
constexpr size_t kLongestSettings = size_t{16} << 20;

/// Reads a whole text file of the user's. Throws Error naming it for what is no regular file (a folder, a pipe),
/// larger than `most_bytes`, UTF-16, not UTF-8, or holds a zero byte.
TextFile read_text_file(const std::string& path, size_t most_bytes);

}  // namespace rankine
