#include <zlib.h>

#include <set>

#include "base/error.h"
#include "io/npy_header.h"
#include "io/npz.h"

namespace rankine {
namespace {

void append(std::string& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

/// The fields that a member's own header and its entry in the directory share, from the version on.
std::string shared_fields(uint32_t crc, uint64_t size, size_t name_size) {
  constexpr int version = 20, flags = 0, stored = 0, midnight = 0, first_of_1980 = 0x21;
  std::string out;
  for (const int value : {version, flags, stored, midnight, first_of_1980})
    append(out, static_cast<uint64_t>(value), 2);
  append(out, crc, 4);
  append(out, size, 4);
  append(out, size, 4);
  append(out, name_size, 2);
  append(out, 0, 2);  // no extra field
  return out;
}

}  // namespace

std::string serialize_npz(std::span<const NpyToWrite> arrays) {
  std::string out, directory;
  std::set<std::string_view> names;
  for (const NpyToWrite& array : arrays) {
    check(names.insert(array.name).second, "npz: two arrays are named \"", array.name, "\"");
    check(array.bytes.size() == static_cast<size_t>(count_of(array.shape)) * size_of(array.dtype), "npz: \"",
          array.name, "\" is ", array.dtype, as_text(array.shape), ", which is not ", array.bytes.size(), " bytes");
    const std::string header = make_npy_header(array.dtype, array.shape), name = array.name + ".npy";
    const auto crc_of = [](uLong before, const void* data, size_t size) {
      return size == 0 ? before : ::crc32_z(before, static_cast<const Bytef*>(data), size);  // it resets at nullptr
    };
    const auto crc =
        static_cast<uint32_t>(crc_of(crc_of(0, header.data(), header.size()), array.bytes.data(), array.bytes.size()));
    const uint64_t size = header.size() + array.bytes.size(), begin = out.size();
    check(begin + size < 0xffff0000, "npz: \"", array.name, "\" makes the file larger than 4 GiB");
    const std::string fields = shared_fields(crc, size, name.size());

    out += "PK\3\4" + fields + name + header;
    out.append(reinterpret_cast<const char*>(array.bytes.data()), array.bytes.size());

    directory += "PK\1\2";
    append(directory, 3 << 8 | 20, 2);  // made on Unix
    directory += fields;
    append(directory, 0, 2);                        // no comment
    append(directory, 0, 2);                        // first part of one
    append(directory, 0, 2);                        // binary
    append(directory, uint64_t{0100644} << 16, 4);  // a regular file, rw-r--r--
    append(directory, begin, 4);
    directory += name;
  }
  const uint64_t begin = out.size(), size = directory.size();
  out += directory + "PK\5\6";
  append(out, 0, 4);  // one part
  append(out, arrays.size(), 2);
  append(out, arrays.size(), 2);
  append(out, size, 4);
  append(out, begin, 4);
  append(out, 0, 2);  // no comment
  return out;
}

}  // namespace rankine
