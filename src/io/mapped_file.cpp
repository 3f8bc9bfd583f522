#include "io/mapped_file.h"

#include <fcntl.h>
#include <sanitizer/asan_interface.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace rankine {
namespace {

uintptr_t page_size() {
  static const auto size = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

/// Marks the rest of a file's last page as forbidden, so that the address sanitizer finds reads past the file's end.
/// Without the sanitizer both macros are empty.
void forbid_tail(const std::byte* data, size_t size) {
  [[maybe_unused]] const size_t tail = (page_size() - size % page_size()) % page_size();
  ASAN_POISON_MEMORY_REGION(data + size, tail);
}
void allow_tail(const std::byte* data, size_t size) {
  [[maybe_unused]] const size_t tail = (page_size() - size % page_size()) % page_size();
  ASAN_UNPOISON_MEMORY_REGION(data + size, tail);
}

}  // namespace

MappedFile::MappedFile(const std::string& path) {
  // O_NONBLOCK: opening a named pipe must not wait for a writer.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  check(fd >= 0, path, ": cannot open: ", std::strerror(errno));
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(fd);
    fail(path, ": expected a file, this is ", S_ISDIR(info.st_mode) ? "a folder" : "not a regular file");
  }
  size_ = static_cast<size_t>(info.st_size);
  if (size_ > 0) {
    void* data = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
    const int error = errno;
    ::close(fd);
    check(data != MAP_FAILED, path, ": cannot map ", size_, " bytes into memory: ", std::strerror(error));
    data_ = static_cast<const std::byte*>(data);
    forbid_tail(data_, size_);
  } else {
    ::close(fd);
  }
}

MappedFile::~MappedFile() {
  if (!data_) return;
  allow_tail(data_, size_);
  ::munmap(const_cast<std::byte*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

void MappedFile::release(std::span<const std::byte> part) const {
  if (part.empty()) return;
  // Releases whole pages: a neighbour's bytes on the first or last page are simply read again.
  const uintptr_t page = page_size();
  const uintptr_t before = reinterpret_cast<uintptr_t>(part.data()) % page;
  const uintptr_t length = (before + part.size() + page - 1) / page * page;
  ::madvise(const_cast<std::byte*>(part.data()) - before, length, MADV_DONTNEED);
}

}  // namespace rankine
