#include "io/folder.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "io/atomic_file.h"

namespace rankine {

std::filesystem::path existing_part(const std::filesystem::path& folder) {
  std::error_code ignored;
  std::filesystem::path part = std::filesystem::absolute(folder).lexically_normal();
  while (!std::filesystem::exists(part, ignored) && part.has_relative_path()) part = part.parent_path();
  return part;
}

void check_folder(const std::string& folder, const std::string& option) {
  const std::filesystem::path part = existing_part(folder);
  std::error_code ignored;
  int fault = 0;
  if (!std::filesystem::is_directory(part, ignored)) {
    fault = ENOTDIR;
  } else if (access(part.c_str(), W_OK | X_OK) != 0) {
    fault = errno;
  }
  if (fault == 0) return;
  const bool there = std::filesystem::is_directory(std::filesystem::path(folder), ignored);
  throw FileError(concat_text(option, " ", folder, ": the folder cannot be ",
                              there ? "written: " : "made: ", std::strerror(fault)));
}

}  // namespace rankine
