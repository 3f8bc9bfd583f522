#include "io/safetensors.h"

#include <utility>

#include "base/error.h"
#include "io/file_kind.h"
#include "io/safetensors_header.h"

namespace rankine {

SafetensorsFile SafetensorsFile::open(const std::string& path) {
  // The format's own limit. A header is never larger than the file, so a short file cannot demand much memory.
  constexpr uint64_t max_header = 100'000'000;
  MappedFile file(path);
  const auto bytes = file.bytes();
  check(bytes.size() >= 8, path, ": ", bytes.size(),
        " bytes are too few for a safetensors file, which starts with its header's length (8 bytes)");
  uint64_t length = 0;
  for (int i = 7; i >= 0; --i) length = length << 8 | static_cast<uint64_t>(bytes[static_cast<size_t>(i)]);
  check(length >= 2, path, ": the header's length is ", length, ", expected at least 2 (\"{}\")");
  if (length > max_header) {
    const std::string kind = other_kind_of_file(bytes);
    check(kind.empty(), path, ": this is not a safetensors file, but ", kind, " (its header would have ", length,
          " bytes, the format allows ", max_header, ")");
    fail(path, ": the header's length is ", length, ", the format allows ", max_header,
         ": this is not a safetensors file");
  }
  check(length <= bytes.size() - 8, path, ": the header's length is ", length, ", but only ", bytes.size() - 8,
        " bytes follow: not a safetensors file, or cut short");
  const std::string_view json(reinterpret_cast<const char*>(bytes.data()) + 8, length);
  ParsedHeader header = parse_safetensors_header(json, bytes.size() - 8 - length, path);
  return {path, std::move(file), 8 + length, std::move(header.tensors), std::move(header.metadata)};
}

}  // namespace rankine
