#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace rankine {

/// The file system refuses an operation: a full disk, a missing folder, no permission. A later attempt may succeed.
class FileError : public Error {
 public:
  using Error::Error;
};

/// `to_disk`: the file survives a power cut as soon as it has its name. `none` is for files that can be made again:
/// after a power cut such a file may be empty or cut short, and its reader must notice.
enum class Flush { to_disk, none };

/// A file that appears whole or not at all. Bytes go to a temporary file in the same folder; `commit` makes them
/// durable (fsync), renames it to `path` and fsyncs the folder. Without `commit` the destructor removes the temporary
/// file, and the old file at `path` stays unchanged.
class AtomicFile {
 public:
  /// Throws FileError if the folder does not exist or cannot be written.
  explicit AtomicFile(std::string path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends. Throws FileError that names the file if the disk is full or fails.
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

/// Removes the temporary files of AtomicFiles in `folder` whose names begin with `stem` and end in `ending`, if their
/// process no longer runs. A process that is killed while it writes leaves such files.
void remove_abandoned_files(const std::string& folder, const std::string& stem, const std::string& ending = "");

/// Writes a whole small file atomically.
void write_file(const std::string& path, std::string_view text);

}  // namespace rankine
