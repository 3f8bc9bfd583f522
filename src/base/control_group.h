#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>

namespace rankine {

/// Memory of the control groups that a process belongs to (Linux cgroups v1 and v2: containers, systemd units, jobs of
/// a cluster). Both are SIZE_MAX where no group has a limit.
struct GroupMemory {
  size_t limit = SIZE_MAX;  ///< the smallest limit, in bytes
  size_t free = SIZE_MAX;   ///< bytes that every group still allows; the page cache counts as free
};

/// Reads /proc/self/cgroup and the groups under /sys/fs/cgroup, up to the outermost one. Format:
/// https://docs.kernel.org/admin-guide/cgroup-v2.html and .../cgroup-v1/memory.html. `root` is "/" but in tests.
GroupMemory control_group_memory(const std::filesystem::path& root = "/");

}  // namespace rankine
