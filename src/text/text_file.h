#pragma once
#include <cstddef>
#include <string>

namespace rankine {

/// The text of a file, in UTF-8.
struct TextFile {
  std::string text{};
  bool has_byte_order_mark = false;  ///< `text` does not contain it
};

/// Far longer than any hand-written file.
constexpr size_t kLongestSettings = size_t{16} << 20;

/// Reads a whole text file of the user. Throws Error that names the file if it is not a regular file (a folder, a
/// pipe), larger than `most_bytes`, UTF-16, not UTF-8, or holds a zero byte.
TextFile read_text_file(const std::string& path, size_t most_bytes);

}  // namespace rankine
