#pragma once
#include <cstddef>
#include <span>
#include <string>

namespace rankine {

/// A whole regular file mapped into memory, read only. Access loads pages; `release` drops them.
class MappedFile {
 public:
  MappedFile() = default;
  /// Throws Error if the file is missing, not readable or not a regular file.
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  /// Drops the pages that hold `part` from resident memory; they are read again when touched.
  void release(std::span<const std::byte> part) const;

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace rankine
