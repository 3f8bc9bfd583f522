#include "io/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

#include "base/error.h"

namespace rankine {
namespace {

// The message names the file and the reason: the user must fix a file system error.
void io_check(bool ok, const std::string& path, const char* what) {
  if (!ok) throw FileError(concat_text(path, ": cannot ", what, ": ", std::strerror(errno)));
}

}  // namespace

AtomicFile::AtomicFile(std::string path) : path_(std::move(path)) {
  const std::filesystem::path target(path_);
  check(!target.filename().empty(), "\"", path_, "\": a file name is needed to write to");
  std::error_code ignored;
  check(!std::filesystem::is_directory(target, ignored), path_, ": cannot write: a folder has this name");
  folder_ = target.has_parent_path() ? target.parent_path().string() : ".";
  if (!std::filesystem::is_directory(folder_, ignored))
    throw FileError(concat_text(path_, ": cannot write: the folder ", folder_, " does not exist"));
  // The name is unique among processes and threads. It stays within the file system's limit of 255 bytes.
  static std::atomic<unsigned> counter{0};
  const std::string stem = target.filename().string().substr(0, 200);
  for (int attempt = 0; attempt < 100 && descriptor_ < 0; ++attempt) {
    temporary_ = concat_text(folder_, "/.", stem, ".", ::getpid(), ".", counter++, ".tmp");
    descriptor_ = ::open(temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ < 0 && errno != EEXIST) break;
  }
  io_check(descriptor_ >= 0, path_, "create a temporary file beside it");
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  check(descriptor_ >= 0, path_, ": written to after commit");
  while (!bytes.empty()) {
    // Linux writes at most 2 GiB per call.
    const ssize_t written = ::write(descriptor_, bytes.data(), std::min<size_t>(bytes.size(), 1u << 30));
    if (written < 0 && errno == EINTR) continue;
    io_check(written >= 0, path_, "write");
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

void AtomicFile::commit(Flush flush) {
  check(descriptor_ >= 0, path_, ": committed twice");
  if (flush == Flush::to_disk) io_check(::fsync(descriptor_) == 0, path_, "flush to disk");
  const int closed = ::close(std::exchange(descriptor_, -1));
  io_check(closed == 0, path_, "close");
  io_check(::rename(temporary_.c_str(), path_.c_str()) == 0, path_, "rename the finished file to its name");
  temporary_.clear();
  if (flush == Flush::none) return;
  // The rename is durable only once the folder is. Some file systems refuse to fsync folders, which is harmless.
  const int folder = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    ::fsync(folder);
    ::close(folder);
  }
}

void remove_abandoned_files(const std::string& folder, const std::string& stem, const std::string& ending) {
  std::error_code error;
  std::vector<std::filesystem::path> abandoned;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    // .STEM....PID.COUNTER.tmp
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("." + stem) || !name.ends_with(".tmp")) continue;
    const size_t counter = name.rfind('.', name.size() - 5);
    const size_t pid = counter == std::string::npos || counter == 0 ? counter : name.rfind('.', counter - 1);
    if (pid == std::string::npos || pid == 0) continue;
    const std::string digits = name.substr(pid + 1, counter - pid - 1);
    if (!std::string_view(name).substr(0, pid).ends_with(ending)) continue;
    if (digits.empty() || digits.size() > 9 || digits.find_first_not_of("0123456789") != std::string::npos) continue;
    if (::kill(std::stoi(digits), 0) == 0 || errno != ESRCH) continue;
    abandoned.push_back(entry.path());
  }
  for (const std::filesystem::path& path : abandoned) std::filesystem::remove(path, error);
}

void write_file(const std::string& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

}  // namespace rankine
