#include "run/output_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>

#include "base/error.h"

namespace rankine {
namespace {

/// The process that wrote its number into a lock's file; "" if there is none.
std::string owner_of(int descriptor) {
  std::array<char, 32> text{};
  const ssize_t size = pread(descriptor, text.data(), text.size(), 0);
  return size > 0 ? std::string(text.data(), static_cast<size_t>(size)) : "";
}

/// False if the file was removed, or made anew, since it was opened: its last owner has just ended.
bool is_still_at(const std::string& path, int descriptor) {
  struct stat there {
  }, open{};
  return stat(path.c_str(), &there) == 0 && fstat(descriptor, &open) == 0 && there.st_ino == open.st_ino &&
         there.st_dev == open.st_dev;
}

}  // namespace

OutputLock::OutputLock(const std::string& adapter_file) {
  const std::filesystem::path file(adapter_file);
  path_ = (file.parent_path() / ("." + file.filename().string() + ".lock")).string();
  for (;;) {
    descriptor_ = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor_ < 0) return;  // the folder is known to be writable: locks are what is missing
    if (flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      const std::string owner = owner_of(descriptor_);
      close(descriptor_);
      descriptor_ = -1;
      fail("another run", owner.empty() ? "" : concat_text(" (process ", owner, ")"), " is writing ", adapter_file,
           ": wait until it ends, or choose another --output_name or --output_dir");
    }
    if (is_still_at(path_, descriptor_)) break;
    close(descriptor_);
  }
  const std::string owner = std::to_string(getpid());
  // The number only serves the message above: a disk that is full for it does no harm.
  if (ftruncate(descriptor_, 0) != 0 || pwrite(descriptor_, owner.data(), owner.size(), 0) < 0) return;
}

OutputLock::~OutputLock() {
  if (descriptor_ < 0) return;
  unlink(path_.c_str());  // while the lock is held, so that nobody else's file goes
  close(descriptor_);
}

}  // namespace rankine
