#include "io/npz.h"

#include <zlib.h>

#include <cstring>

#include "base/error.h"
#include "io/convert.h"
#include "io/npy_header.h"

namespace rankine {
namespace {

// ZIP: PKWARE's APPNOTE 6.3, sections 4.3.7 (local header), 4.3.12 (directory), 4.3.16 (end).
constexpr uint32_t kLocalMark = 0x04034b50, kDirectoryMark = 0x02014b50, kEndMark = 0x06054b50;
constexpr size_t kLocalSize = 30, kDirectorySize = 46, kEndSize = 22;
constexpr uint32_t kIn64 = 0xffffffff;  // the true number stands in a ZIP64 field
/// More than any cache: what a damaged or hostile header asks for is not allocated.
constexpr uint64_t kMostBytes = uint64_t{1} << 30;

using Bytes = std::span<const std::byte>;

uint64_t number(Bytes bytes, size_t at, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value |= static_cast<uint64_t>(bytes[at + i]) << (8 * i);
  return value;
}
uint16_t u16(Bytes bytes, size_t at) { return static_cast<uint16_t>(number(bytes, at, 2)); }
uint32_t u32(Bytes bytes, size_t at) { return static_cast<uint32_t>(number(bytes, at, 4)); }

std::string_view text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

/// Where the end record begins: it is followed by a comment of at most 65535 bytes that it tells the length of.
size_t find_end(Bytes file, const std::string& path) {
  check(file.size() >= kEndSize, path, ": ", file.size(), " bytes are too few for an .npz file");
  const size_t last = file.size() - kEndSize, first = last > 0xffff ? last - 0xffff : 0;
  for (size_t at = last + 1; at-- > first;)
    if (u32(file, at) == kEndMark && u16(file, at + 20) == last - at) return at;
  fail(path, ": is not an .npz file, or is cut short: the ZIP archive's directory is missing");
}

/// Replaces sizes and the offset that do not fit 32 bits (4.5.3 ZIP64).
void take_64(Bytes extra, uint64_t& size, uint64_t& packed_size, uint64_t& offset, const std::string& where) {
  while (extra.size() >= 4) {
    const uint16_t kind = u16(extra, 0), length = u16(extra, 2);
    check(length <= extra.size() - 4, where, ": its directory entry is damaged");
    Bytes field = extra.subspan(4, length);
    extra = extra.subspan(4 + size_t{length});
    if (kind != 1) continue;
    for (uint64_t* value : {&size, &packed_size, &offset}) {
      if (*value != kIn64) continue;
      check(field.size() >= 8, where, ": its directory entry is damaged");
      *value = number(field, 0, 8);
      field = field.subspan(8);
    }
  }
}

/// inflate of exactly `size` bytes.
std::vector<std::byte> inflated(Bytes packed, uint64_t size, const std::string& where) {
  // deflate shrinks to no less than a 1032nd: what claims more is damaged, and is not allocated.
  check(size / 1040 <= packed.size(), where, ": claims to unpack to ", size, " bytes, which cannot be");
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

std::vector<float> NpyArray::as_f32() const {
  check(dtype == DType::f32 || dtype == DType::f16 || dtype == DType::f64, "an array of ", dtype,
        " where floating-point numbers were expected");
  std::vector<float> values(static_cast<size_t>(count_of(shape)));
  convert_to_f32(dtype, bytes, values);
  return values;
}

NpzFile NpzFile::open(const std::string& path) {
  NpzFile npz;
  npz.path_ = path;
  npz.file_ = MappedFile(path);
  const Bytes file = npz.file_.bytes();
  const size_t end = find_end(file, path);
  const uint16_t count = u16(file, end + 10);
  const uint64_t size = u32(file, end + 12), begin = u32(file, end + 16);
  check(begin != kIn64 && count != 0xffff, path, ": ZIP archives of 4 GiB or 65535 members are not read");
  check(u16(file, end + 4) == 0 && u16(file, end + 6) == 0 && u16(file, end + 8) == count, path,
        ": an archive in several parts is not read");
  check(begin <= end && size == end - begin, path, ": its directory should be ", size, " bytes at ", begin,
        ", the end is at ", end, ": the file is damaged");

  Bytes rest = file.subspan(begin, size);
  for (unsigned i = 0; i < count; ++i) {
    check(rest.size() >= kDirectorySize && u32(rest, 0) == kDirectoryMark, path, ": entry ", i,
          " of its directory is damaged");
    const size_t name_size = u16(rest, 28), extra_size = u16(rest, 30), comment_size = u16(rest, 32);
    check(name_size + extra_size + comment_size <= rest.size() - kDirectorySize, path, ": entry ", i,
          " of its directory is damaged");
    const std::string_view file_name = text(rest.subspan(kDirectorySize, name_size));
    const std::string where = concat_text(path, ": \"", file_name.substr(0, 80), "\"");
    const uint16_t flags = u16(rest, 8), method = u16(rest, 10);
    Member member{.crc = u32(rest, 16), .packed_size = u32(rest, 20), .size = u32(rest, 24), .header = u32(rest, 42)};
    take_64(rest.subspan(kDirectorySize + name_size, extra_size), member.size, member.packed_size, member.header,
            where);
    rest = rest.subspan(kDirectorySize + name_size + extra_size + comment_size);
    if (!file_name.ends_with(".npy")) continue;
    check((flags & 1) == 0, where, " is encrypted");
    check(method == 0 || method == 8, where, " is packed by method ", method, "; only stored and deflated are read");
    member.is_deflated = method == 8;
    check(member.is_deflated || member.size == member.packed_size, where, ": its two sizes differ");
    check(member.size <= kMostBytes, where, " is ", member.size, " bytes, more than any cache");
    check(member.header <= begin && member.packed_size <= begin - member.header, where, " lies outside the file");
    const std::string name(file_name.substr(0, file_name.size() - 4));
    check(npz.members_.emplace(name, member).second, where, " is there twice");
  }
  check(rest.empty(), path, ": its directory has ", rest.size(), " bytes too many");
  return npz;
}

std::vector<std::string> NpzFile::names() const {
  std::vector<std::string> names;
  for (const auto& [name, unused] : members_) names.push_back(name);
  return names;
}

std::vector<std::byte> NpzFile::unpack(const Member& member, std::string_view name) const {
  const std::string where = concat_text(path_, ": \"", name, "\"");
  const Bytes file = file_.bytes();
  check(file.size() - member.header >= kLocalSize && u32(file, member.header) == kLocalMark, where,
        ": its header is damaged");
  const uint64_t begin = member.header + kLocalSize + u16(file, member.header + 26) + u16(file, member.header + 28);
  check(begin <= file.size() && member.packed_size <= file.size() - begin, where, " lies outside the file");
  const Bytes packed = file.subspan(begin, member.packed_size);
  std::vector<std::byte> bytes =
      member.is_deflated ? inflated(packed, member.size, where) : std::vector<std::byte>(packed.begin(), packed.end());
  const auto crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  check(crc == member.crc, where, ": its checksum does not fit: the file is damaged");
  return bytes;
}

NpyArray NpzFile::read(std::string_view name) const {
  const auto member = members_.find(name);
  check(member != members_.end(), path_, ": has no array \"", name, "\"");
  std::vector<std::byte> bytes = unpack(member->second, name);
  const std::string where = concat_text(path_, ": \"", name, "\"");
  NpyHeader header = parse_npy_header(bytes, where);
  uint64_t size = size_of(header.dtype);
  for (const int64_t dim : header.shape)
    check(!__builtin_mul_overflow(size, static_cast<uint64_t>(dim), &size), where, ": impossible shape ",
          as_text(header.shape));
  check(bytes.size() - header.size == size, where, ": ", header.dtype, as_text(header.shape), " needs ", size,
        " bytes, there are ", bytes.size() - header.size);
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(header.size));
  return {header.dtype, std::move(header.shape), std::move(bytes)};
}

}  // namespace rankine
