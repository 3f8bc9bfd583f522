#include "io/file_hash.h"

#include <algorithm>
#include <filesystem>

#include "io/mapped_file.h"
#include "io/sha256.h"

namespace rankine {
namespace {

const char* unhashable(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return "NOFILE";
  if (std::filesystem::is_directory(path, ignored)) return "IsADirectory";
  return nullptr;
}

}  // namespace

std::string sha256_of_file(const std::string& path) {
  if (const char* why = unhashable(path)) return why;
  const MappedFile file(path);
  constexpr size_t piece = 16 << 20;  // releases pages as it goes: a checkpoint never fills memory
  Sha256 hash;
  for (auto rest = file.bytes(); !rest.empty();) {
    const auto part = rest.first(std::min(piece, rest.size()));
    hash.update(part);
    file.release(part);
    rest = rest.subspan(part.size());
  }
  return hash.hex();
}

std::string window_hash(std::span<const std::byte> bytes) {
  constexpr size_t offset = 0x100000, size = 0x10000;
  const size_t begin = std::min(offset, bytes.size());
  return sha256_hex(bytes.subspan(begin, std::min(size, bytes.size() - begin))).substr(0, 8);
}

std::string window_hash_of_file(const std::string& path) {
  if (const char* why = unhashable(path)) return why;
  return window_hash(MappedFile(path).bytes());
}

}  // namespace rankine
