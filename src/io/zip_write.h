#pragma once
#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace rankine {

/// Makes an uncompressed ZIP archive in memory; the same members always give the same bytes (APPNOTE.TXT 6.3).
class ZipWriter {
 public:
  /// `what` begins error messages: "npz".
  explicit ZipWriter(std::string what) : what_(std::move(what)) {}

  /// Adds a member whose content is `head` followed by `bytes`; it begins at a multiple of `alignment` bytes of the
  /// file. Throws Error for repeated names and archives of 4 GiB and more.
  void add(std::string_view name, std::string_view head, std::span<const std::byte> bytes, size_t alignment = 1);

  /// The whole archive.
  std::string finish();

 private:
  std::string what_, out_, directory_;
  std::set<std::string, std::less<>> names_;
};

}  // namespace rankine
