#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rankine {

/// A member of a ZIP archive as its directory describes it. It lies inside the file.
struct ZipMember {
  std::string name{};
  uint32_t crc = 0;
  uint64_t packed_size = 0, size = 0, header = 0;
  bool is_deflated = false;  ///< false: stored
};

/// A ZIP archive in memory, including ZIP64 (PKWARE's APPNOTE 6.3). The directory is at the end, so a file that is cut
/// short anywhere is an error.
class ZipReader {
 public:
  ZipReader() = default;
  /// `path` and `kind` ("an .npz file") are for messages. `file` must outlive this object. Throws Error for malformed
  /// archives, and for members that are encrypted or packed by another method than deflate.
  ZipReader(std::span<const std::byte> file, std::string path, std::string_view kind);

  /// All members in the directory's order.
  const std::vector<ZipMember>& members() const { return members_; }
  /// The member's bytes as stored. Throws Error if the member's own header is damaged.
  std::span<const std::byte> packed(const ZipMember& member) const;
  /// The member's content. Throws Error if its checksum is wrong.
  std::vector<std::byte> unpack(const ZipMember& member) const;

 private:
  std::string where(std::string_view member) const;

  std::span<const std::byte> file_;
  std::string path_;
  std::vector<ZipMember> members_;
};

}  // namespace rankine
