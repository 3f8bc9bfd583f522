#include "io/zip_read.h"

#include <zlib.h>

#include <limits>
#include <utility>

#include "base/error.h"
#include "base/shortened.h"

namespace rankine {
namespace {

// PKWARE's APPNOTE 6.3, sections 4.3.7 (local header), 4.3.12 (directory), 4.3.14 to 16 (end records and locator).
constexpr uint32_t kLocalMark = 0x04034b50, kDirectoryMark = 0x02014b50, kEndMark = 0x06054b50, kEnd64Mark = 0x06064b50,
                   kLocator64Mark = 0x07064b50;
constexpr size_t kLocalSize = 30, kDirectorySize = 46, kEndSize = 22, kEnd64Size = 56, kLocator64Size = 20;
constexpr uint32_t kIn64 = 0xffffffff;  // a ZIP64 field holds the true number

using Bytes = std::span<const std::byte>;

uint64_t number(Bytes bytes, size_t at, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value |= static_cast<uint64_t>(bytes[at + i]) << (8 * i);
  return value;
}
uint16_t u16(Bytes bytes, size_t at) { return static_cast<uint16_t>(number(bytes, at, 2)); }
uint32_t u32(Bytes bytes, size_t at) { return static_cast<uint32_t>(number(bytes, at, 4)); }
uint64_t u64(Bytes bytes, size_t at) { return number(bytes, at, 8); }

std::string_view text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

/// The position of the end record. A comment of at most 65535 bytes follows it; the record holds the comment's length.
size_t find_end(Bytes file, const std::string& path, std::string_view kind) {
  check(file.size() >= kEndSize, path, ": ", file.size(), " bytes are too few for ", kind);
  const size_t last = file.size() - kEndSize, first = last > 0xffff ? last - 0xffff : 0;
  for (size_t at = last + 1; at-- > first;)
    if (u32(file, at) == kEndMark && u16(file, at + 20) == last - at) return at;
  fail(path, ": is not ", kind, ", or is cut short: the ZIP archive's directory is missing");
}

struct Directory {
  uint64_t count = 0, begin = 0, size = 0;
  uint64_t end = 0;  // the position after it
};

Directory find_directory(Bytes file, const std::string& path, std::string_view kind) {
  const size_t end = find_end(file, path, kind);
  Directory found{.count = u16(file, end + 10), .begin = u32(file, end + 16), .size = u32(file, end + 12), .end = end};
  bool in_parts = u16(file, end + 4) != 0 || u16(file, end + 6) != 0 || u16(file, end + 8) != found.count;
  const size_t locator = end < kLocator64Size ? end : end - kLocator64Size;
  if (locator < end && u32(file, locator) == kLocator64Mark) {
    const uint64_t at = u64(file, locator + 8);
    check(locator >= kEnd64Size && at <= locator - kEnd64Size && u32(file, at) == kEnd64Mark, path,
          ": the ZIP64 end of its directory is damaged");
    found = {.count = u64(file, at + 32), .begin = u64(file, at + 48), .size = u64(file, at + 40), .end = at};
    in_parts = u32(file, at + 16) != 0 || u32(file, at + 20) != 0 || u64(file, at + 24) != found.count;
  }
  check(!in_parts, path, ": an archive in several parts is not read");
  check(found.begin <= found.end && found.size == found.end - found.begin, path, ": its directory should be ",
        found.size, " bytes at ", found.begin, ", the end is at ", found.end, ": the file is damaged");
  return found;
}

/// Replaces sizes and the offset if they need more than 32 bits (4.5.3 ZIP64).
void take_64(Bytes extra, ZipMember& member, const std::string& where) {
  while (extra.size() >= 4) {
    const uint16_t kind = u16(extra, 0), length = u16(extra, 2);
    check(length <= extra.size() - 4, where, ": its directory entry is damaged");
    Bytes field = extra.subspan(4, length);
    extra = extra.subspan(4 + size_t{length});
    if (kind != 1) continue;
    for (uint64_t* value : {&member.size, &member.packed_size, &member.header}) {
      if (*value != kIn64) continue;
      check(field.size() >= 8, where, ": its directory entry is damaged");
      *value = u64(field, 0);
      field = field.subspan(8);
    }
  }
}

/// Inflates to exactly `size` bytes.
std::vector<std::byte> inflated(Bytes packed, uint64_t size, const std::string& where) {
  // deflate shrinks data at most to a 1032nd. A larger claim is damage and must not be allocated.
  check(size / 1040 <= packed.size(), where, ": claims to unpack to ", size, " bytes, which cannot be");
  check(size <= std::numeric_limits<uInt>::max(), where, ": ", size, " bytes are more than are unpacked at once");
  std::vector<std::byte> out(size);
  z_stream stream{};
  check(inflateInit2(&stream, -MAX_WBITS) == Z_OK, where, ": zlib could not start");  // negative: no zlib header
  // zlib's interface is not const-correct; it only reads next_in.
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = inflate(&stream, Z_FINISH);
  const bool is_whole = result == Z_STREAM_END && stream.avail_out == 0 && stream.avail_in == 0;
  inflateEnd(&stream);
  check(is_whole, where, ": its compressed bytes are damaged");
  return out;
}

}  // namespace

std::string ZipReader::where(std::string_view member) const {
  return concat_text(path_, ": \"", shortened(member), "\"");
}

ZipReader::ZipReader(std::span<const std::byte> file, std::string path, std::string_view kind)
    : file_(file), path_(std::move(path)) {
  const Directory directory = find_directory(file, path_, kind);
  Bytes rest = file.subspan(directory.begin, directory.size);
  for (uint64_t i = 0; i < directory.count; ++i) {
    check(rest.size() >= kDirectorySize && u32(rest, 0) == kDirectoryMark, path_, ": entry ", i,
          " of its directory is damaged");
    const size_t name_size = u16(rest, 28), extra_size = u16(rest, 30), comment_size = u16(rest, 32);
    check(name_size + extra_size + comment_size <= rest.size() - kDirectorySize, path_, ": entry ", i,
          " of its directory is damaged");
    ZipMember member{.name = std::string(text(rest.subspan(kDirectorySize, name_size))),
                     .crc = u32(rest, 16),
                     .packed_size = u32(rest, 20),
                     .size = u32(rest, 24),
                     .header = u32(rest, 42)};
    const std::string here = where(member.name);
    const uint16_t flags = u16(rest, 8), method = u16(rest, 10);
    take_64(rest.subspan(kDirectorySize + name_size, extra_size), member, here);
    rest = rest.subspan(kDirectorySize + name_size + extra_size + comment_size);
    check((flags & 1) == 0, here, " is encrypted");
    check(method == 0 || method == 8, here, " is packed by method ", method, "; only stored and deflated are read");
    member.is_deflated = method == 8;
    check(member.is_deflated || member.size == member.packed_size, here, ": its two sizes differ");
    check(member.header <= directory.begin && member.packed_size <= directory.begin - member.header, here,
          " lies outside the file");
    members_.push_back(std::move(member));
  }
  check(rest.empty(), path_, ": its directory has ", rest.size(), " bytes too many");
}

std::span<const std::byte> ZipReader::packed(const ZipMember& member) const {
  const std::string here = where(member.name);
  check(file_.size() - member.header >= kLocalSize && u32(file_, member.header) == kLocalMark, here,
        ": its header is damaged");
  const uint64_t begin = member.header + kLocalSize + u16(file_, member.header + 26) + u16(file_, member.header + 28);
  check(begin <= file_.size() && member.packed_size <= file_.size() - begin, here, " lies outside the file");
  return file_.subspan(begin, member.packed_size);
}

std::vector<std::byte> ZipReader::unpack(const ZipMember& member) const {
  const Bytes bytes = packed(member);
  const std::string here = where(member.name);
  std::vector<std::byte> content =
      member.is_deflated ? inflated(bytes, member.size, here) : std::vector<std::byte>(bytes.begin(), bytes.end());
  const auto crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(content.data()), content.size());
  check(crc == member.crc, here, ": its checksum does not fit: the file is damaged");
  return content;
}

}  // namespace rankine
