#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace rankine {

/// What the file system refuses: a full disk, a folder that is gone, no permission. Trying again later may help.
class FileError : public Error {
 public:
  using Error::Error;
};

/// Whether a file must survive a power cut as soon as it has its name. `none` is for what can be made again: after a
/// power cut it may be empty or cut short, which its reader must notice.
enum class Flush { to_disk, none };

/// A file that appears whole or not at all: bytes go to a temporary file in the same folder, and `commit` makes them
/// durable (fsync), renames it over `path` and fsyncs the folder. Without `commit` the destructor removes the temporary
/// file and whatever was at `path` stays as it was.
class AtomicFile {
 public:
  /// Throws FileError when the folder does not exist or cannot be written.
  explicit AtomicFile(std::string path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends. Throws FileError, naming the file, when the disk is full or fails.
  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }
  /// The open temporary file, for writing in place (pwrite, mmap).
  int descriptor() const { return descriptor_; }
  const std::string& path() const { return path_; }
  void commit(Flush flush = Flush::to_disk);

 private:
  std::string path_, folder_, temporary_;
  int descriptor_ = -1;
};

/// Removes the temporary files of AtomicFiles in `folder` whose names begin with `stem` and end in `ending`, and whose
/// process is gone: what a process that was killed while writing left behind.
void remove_abandoned_files(const std::string& folder, const std::string& stem, const std::string& ending = "");

/// Writes a whole small file atomically.
void write_file(const std::string& path, std::string_view text);

}  // namespace rankine
