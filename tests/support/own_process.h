// A test case that needs another world than the other tests: a disk that is small, or a user without root's rights.
#pragma once
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "support/training_run.h"

namespace rankine::test {

/// The end of a test case that ran in a process of its own.
struct OwnProcess {
  bool could_start = false;  ///< false: the system allows no such world
  bool passed = false;
  std::string output{};
};

/// Runs one skipped test case of this executable in a process of its own, after `enter`, which runs there between fork
/// and exec: system calls alone. False from it: it cannot be.
template <class Enter>
OwnProcess run_in_own_process(const std::string& test_case, const char* variable, const std::string& value,
                              const Enter& enter) {
  constexpr int kCannot = 77;
  const TemporaryFolder folder;
  const std::string output = folder.path("output.txt"), filter = "--test-case=" + test_case;
  const char* arguments[] = {"test", filter.c_str(), "--no-skip", "--no-intro", nullptr};
  setenv(variable, value.c_str(), 1);
  const pid_t child = fork();
  if (child == 0) {
    const int out = open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (out < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 || !enter()) _exit(kCannot);
    execv("/proc/self/exe", const_cast<char**>(arguments));
    _exit(kCannot);
  }
  unsetenv(variable);
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) return {};
  if (WIFEXITED(status) && WEXITSTATUS(status) == kCannot) return {};
  return {true, WIFEXITED(status) && WEXITSTATUS(status) == 0, bytes_of(output)};
}

inline bool write_text(const char* path, const char* text) {
  const int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const auto size = static_cast<ssize_t>(std::strlen(text));
  const bool whole = write(file, text, static_cast<size_t>(size)) == size;
  close(file);
  return whole;
}

inline bool make_file(const char* path, const char* text) {
  const int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  return file >= 0 && close(file) == 0 && write_text(path, text);
}

/// Mounts a file system in memory of so many bytes ("size=2m") at `folder`, seen by this process and its children
/// alone. The maps are "0 UID 1" and "0 GID 1", for systems where that takes a user namespace.
inline bool mount_small_disk(const char* folder, const char* size, const char* uid_map, const char* gid_map) {
  if (unshare(CLONE_NEWNS) != 0) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
    write_text("/proc/self/setgroups", "deny");
    if (!write_text("/proc/self/uid_map", uid_map) || !write_text("/proc/self/gid_map", gid_map)) return false;
  }
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  return mount("tmpfs", folder, "tmpfs", 0, size) == 0;
}

}  // namespace rankine::test
