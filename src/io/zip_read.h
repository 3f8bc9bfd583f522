#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rankine {

/// A member of a ZIP archive as the archive's directory tells it; it lies inside the file.
struct ZipMember {
  std::string name{};
  uint32_t crc = 0;
  uint64_t packed_size = 0, size = 0, header = 0;
  bool is_deflated = false;  ///< else stored as it is
};

/// A ZIP archive in memory, ZIP64 too (PKWARE's APPNOTE 6.3), read from its directory, which is at the end: a file that
/// is cut short anywhere cannot be read.
class ZipReader {
 public:
  ZipReader() = default;
  /// `path` and `kind` ("an .npz file") are for messages. `file` must outlive this. Throws Error for anything
  /// malformed, and for members that are encrypted or packed by anything but deflate.
  ZipReader(std::span<const std::byte> file, std::string path, std::string_view kind);

  /// In the directory's order.
  const std::vector<ZipMember>& members() const { return members_; }
  /// The bytes as they lie in the file. Throws Error when the member's own header is damaged.
  std::span<const std::byte> packed(const ZipMember& member) const;
  /// The member's content, its checksum compared. Throws Error when that fails.
  std::vector<std::byte> unpack(const ZipMember& member) const;

 private:
  std::string where(std::string_view member) const;

  std::span<const std::byte> file_;
  std::string path_;
  std::vector<ZipMember> members_;
};

}  // namespace rankine
