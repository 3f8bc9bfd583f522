#include "io/zip_write.h"

#include <zlib.h>

#include "base/error.h"

namespace rankine {
namespace {

void append(std::string& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

/// The fields that a member's own header and its directory entry share, from the version to the name's length.
std::string shared_fields(uint32_t crc, uint64_t size, size_t name_size) {
  constexpr int version = 20, flags = 0, stored = 0, midnight = 0, first_of_1980 = 0x21;
  std::string out;
  for (const int value : {version, flags, stored, midnight, first_of_1980})
    append(out, static_cast<uint64_t>(value), 2);
  append(out, crc, 4);
  append(out, size, 4);
  append(out, size, 4);
  append(out, name_size, 2);
  return out;
}

uint32_t crc_of(std::string_view head, std::span<const std::byte> bytes) {
  const auto more = [](uLong before, const void* data, size_t size) {
    return size == 0 ? before : ::crc32_z(before, static_cast<const Bytef*>(data), size);  // crc32_z resets at nullptr
  };
  return static_cast<uint32_t>(more(more(0, head.data(), head.size()), bytes.data(), bytes.size()));
}

/// An extra field of padding, so that the member's content begins at the alignment. It has at least 4 bytes.
std::string padding(size_t begin, size_t alignment) {
  std::string out;
  if (begin % alignment == 0) return out;
  constexpr size_t head = 4;
  const size_t room = (alignment - (begin + head) % alignment) % alignment;
  append(out, 0x4246, 2);  // "FB", as in PyTorch's own files
  append(out, room, 2);
  out.append(room, 'Z');
  return out;
}

}  // namespace

void ZipWriter::add(std::string_view name, std::string_view head, std::span<const std::byte> bytes, size_t alignment) {
  check(names_.emplace(name).second, what_, ": two members are named \"", name, "\"");
  constexpr size_t own_header = 30;
  const uint64_t size = head.size() + bytes.size(), begin = out_.size();
  const std::string extra = padding(begin + own_header + name.size(), alignment);
  check(begin + own_header + name.size() + extra.size() + size < 0xffff0000, what_, ": \"", name,
        "\" makes the file larger than 4 GiB");
  check(names_.size() < 0xffff, what_, ": more than 65534 members");
  const std::string fields = shared_fields(crc_of(head, bytes), size, name.size());

  out_ += "PK\3\4" + fields;
  append(out_, extra.size(), 2);
  out_.append(name).append(extra).append(head);
  out_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());

  directory_ += "PK\1\2";
  append(directory_, 3 << 8 | 20, 2);  // made on Unix
  directory_ += fields;
  append(directory_, 0, 2);                        // no extra field
  append(directory_, 0, 2);                        // no comment
  append(directory_, 0, 2);                        // first part of one
  append(directory_, 0, 2);                        // binary
  append(directory_, uint64_t{0100644} << 16, 4);  // a regular file, rw-r--r--
  append(directory_, begin, 4);
  directory_ += name;
}

std::string ZipWriter::finish() {
  const uint64_t begin = out_.size(), size = directory_.size();
  out_ += directory_ + "PK\5\6";
  append(out_, 0, 4);  // one part
  append(out_, names_.size(), 2);
  append(out_, names_.size(), 2);
  append(out_, size, 4);
  append(out_, begin, 4);
  append(out_, 0, 2);  // no comment
  return std::move(out_);
}

}  // namespace rankine
