#include "base/control_group.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <string>

namespace rankine {
namespace {

namespace fs = std::filesystem;

/// The files of one version of control groups.
struct Version {
  const char* mount;  ///< below the root
  const char *limit, *used;
  const char* cache_keys[2];  ///< of memory.stat: file pages that the kernel can take back
};

constexpr Version kFirst = {"sys/fs/cgroup/memory",
                            "memory.limit_in_bytes",
                            "memory.usage_in_bytes",
                            {"total_inactive_file", "total_active_file"}};
constexpr Version kSecond = {"sys/fs/cgroup", "memory.max", "memory.current", {"inactive_file", "active_file"}};
/// Where both are mounted, version 2 has this place.
constexpr Version kSecondBesideFirst = {
    "sys/fs/cgroup/unified", kSecond.limit, kSecond.used, {kSecond.cache_keys[0], kSecond.cache_keys[1]}};

/// The number in a file; none for "max" and for a file that is not there.
std::optional<size_t> number_in(const fs::path& file) {
  std::ifstream in(file);
  size_t number = 0;
  return in >> number ? std::optional(number) : std::nullopt;
}

size_t page_cache(const fs::path& group, const Version& version) {
  std::ifstream in(group / "memory.stat");
  size_t bytes = 0, value = 0;
  for (std::string key; in >> key >> value;)
    if (key == version.cache_keys[0] || key == version.cache_keys[1]) bytes += value;
  return bytes;
}

void take(GroupMemory& all, const fs::path& group, const Version& version) {
  const std::optional<size_t> limit = number_in(group / version.limit), used = number_in(group / version.used);
  if (!limit || !used) return;
  all.limit = std::min(all.limit, *limit);
  const size_t kept = *used - std::min(*used, page_cache(group, version));
  all.free = std::min(all.free, *limit - std::min(*limit, kept));
}

/// The group at `path` and all that contain it. A container may see its own group as the outermost one, under a path
/// that is the host's: groups that are not there are left out.
void take_chain(GroupMemory& all, const fs::path& root, const Version& version, const std::string& path) {
  const fs::path mount = root / version.mount;
  for (fs::path group = fs::path(path).relative_path(); !group.empty(); group = group.parent_path())
    take(all, mount / group, version);
  take(all, mount, version);
}

}  // namespace

GroupMemory control_group_memory(const fs::path& root) {
  GroupMemory all;
  std::ifstream groups(root / "proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // "4:memory:/a/b", version 2: "0::/a/b"
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",",
                      path = line.substr(second + 1);
    if (controllers.find(",memory,") != std::string::npos) take_chain(all, root, kFirst, path);
    if (controllers == ",,")
      for (const Version& version : {kSecond, kSecondBesideFirst}) take_chain(all, root, version, path);
  }
  constexpr size_t kNone = size_t{1} << 60;  // version 1 writes a number near 2^63 for no limit
  return all.limit >= kNone ? GroupMemory{} : all;
}

}  // namespace rankine
