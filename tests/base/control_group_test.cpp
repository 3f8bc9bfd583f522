#include "base/control_group.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

using namespace rankine;
namespace fs = std::filesystem;

namespace {

/// A folder that stands for "/".
class Root {
 public:
  Root() : path_(fs::temp_directory_path() / ("rankine-groups-" + std::to_string(getpid()))) {}
  ~Root() { fs::remove_all(path_); }
  void write(const std::string& file, const std::string& text) const {
    fs::create_directories((path_ / file).parent_path());
    std::ofstream(path_ / file) << text;
  }
  GroupMemory memory() const { return control_group_memory(path_); }

 private:
  fs::path path_;
};

}  // namespace

TEST_CASE("without control groups, and with groups that have no limit, memory is not limited") {
  const Root root;
  CHECK(root.memory().limit == SIZE_MAX);
  root.write("proc/self/cgroup", "4:memory:/\n0::/\n");
  root.write("sys/fs/cgroup/memory.max", "max\n");
  root.write("sys/fs/cgroup/memory.current", "5000\n");
  root.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  root.write("sys/fs/cgroup/memory/memory.usage_in_bytes", "5000\n");
  CHECK(root.memory().limit == SIZE_MAX);
  CHECK(root.memory().free == SIZE_MAX);
}

TEST_CASE("version 2: the tightest group above the process counts, and its page cache is free") {
  const Root root;
  root.write("proc/self/cgroup", "0::/user.slice/run-7.scope\n");
  const std::string outer = "sys/fs/cgroup/user.slice/", inner = outer + "run-7.scope/";
  root.write(outer + "memory.max", "4000\n");
  root.write(outer + "memory.current", "3000\n");
  root.write(outer + "memory.stat", "anon 900\nfile 2100\ninactive_file 1500\nactive_file 500\n");
  root.write(inner + "memory.max", "max\n");
  root.write(inner + "memory.current", "2000\n");
  CHECK(root.memory().limit == 4000);
  CHECK(root.memory().free == 3000);
  root.write(inner + "memory.max", "2500\n");
  CHECK(root.memory().limit == 2500);
  CHECK(root.memory().free == 500);
  root.write(inner + "memory.current", "2600\n");  // a limit that was lowered
  CHECK(root.memory().free == 0);
}

TEST_CASE("version 1: the memory controller's group counts, also where a container sees it as the outermost one") {
  const Root root;
  root.write("proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/docker/0123\n0::/\n");
  std::string group;
  SUBCASE("by its path") { group = "sys/fs/cgroup/memory/docker/0123/"; }
  SUBCASE("as the outermost one") { group = "sys/fs/cgroup/memory/"; }
  root.write(group + "memory.limit_in_bytes", "8000\n");
  root.write(group + "memory.usage_in_bytes", "7000\n");
  root.write(group + "memory.stat", "cache 1\ntotal_inactive_file 600\ntotal_active_file 400\n");
  CHECK(root.memory().limit == 8000);
  CHECK(root.memory().free == 2000);
}

TEST_CASE("version 2 beside version 1 is read from its own folder") {
  const Root root;
  root.write("proc/self/cgroup", "4:memory:/\n0::/box\n");
  root.write("sys/fs/cgroup/unified/box/memory.max", "700\n");
  root.write("sys/fs/cgroup/unified/box/memory.current", "200\n");
  CHECK(root.memory().free == 500);
}
