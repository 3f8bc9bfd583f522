// Runs that need more memory than there is are refused before anything is allocated, whoever sets the limit.
#include "run/memory_need.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "backend/registry.h"
#include "base/memory.h"
#include "support/own_process.h"

using namespace rankine;
using namespace rankine::test;
namespace fs = std::filesystem;

namespace {

constexpr const char* kLimitVariable = "RANKINE_TEST_MEMORY_LIMIT";

/// Memory that the sanitizer keeps after it was freed, to find reads of it.
#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kFreedBytes = size_t{1} << 30;
#else
constexpr size_t kFreedBytes = 0;
#endif

size_t limit_of_this_process() { return std::strtoull(std::getenv(kLimitVariable), nullptr, 10); }

}  // namespace

TEST_CASE("a run whose leanest form exceeds --memory_budget is refused with its largest uses and what would help") {
  TrainingRun run;
  run.config.network.network_dim = 2500;
  run.config.step.memory_budget = "500MiB";
  const size_t before = resident_bytes() + kFreedBytes;
  const std::string error = run.error();
  CHECK(contains(error,
                 "of memory at least, and --memory_budget allows 500 MiB; most of it goes to\n  LoRA, gradients "
                 "and optimizer: "));
  CHECK(std::count(error.begin(), error.end(), '\n') == 4);  // three uses, and the help
  CHECK(contains(error, "\nThese help: a --network_dim below 2500"));
  CHECK(contains(error, "a larger --memory_budget"));
  CHECK(resident_bytes() < before + (size_t{200} << 20));
  CHECK(!fs::exists(run.out("")));
}

TEST_CASE("a mistyped rank that no machine can hold is refused without a budget, too") {
  TrainingRun run;
  run.config.network.network_dim = 100'000;
  const size_t before = resident_bytes() + kFreedBytes;
  const std::string error = run.error();
  const bool no_room = contains(error, "the LoRA takes ");  // where the disk is too small even for the file
  CHECK((no_room || contains(error, "are available; most of it goes to\n  LoRA, gradients and optimizer: ")));
  CHECK((no_room || contains(error, "a --network_dim below 100000")));
  CHECK(resident_bytes() < before + (size_t{200} << 20));
}

TEST_CASE("a state in 8 bits is counted as such: what fits with it is not refused") {
  TrainingRun run;
  run.config.network.network_dim = 400;
  const auto needed = [&](const char* optimizer) {
    run.config.optim.optimizer_type = optimizer;
    run.config.step.memory_budget = "100MiB";
    std::string size = run.error();
    const std::string before = "this run needs ";
    REQUIRE(size.starts_with(before));
    size = size.substr(before.size(), size.find(" of memory") - before.size());  // "314 MiB"
    size.erase(size.find(' '), 1);
    return parse_memory(size, "", 0);
  };
  const size_t in_f32 = needed("AdamW"), in_8_bits = needed("AdamW8bit");
  if (kFreedBytes > 0) return;  // the sanitizer's memory grows from one call to the next
  CHECK(in_8_bits < in_f32);
  run.config.step.memory_budget = std::to_string((in_8_bits + in_f32) / 2);
  plan_run(run.config, find_backend("cpu"));
  run.config.optim.optimizer_type = "AdamW";
  CHECK(contains(run.error(), "of memory at least"));
}

#if !defined(__SANITIZE_ADDRESS__)  // the sanitizer itself takes terabytes of address space
namespace {

/// Trains a few steps, unless the run is refused for want of memory. No other end is accepted, but close to the limit
/// an allocation may fail, as the size of stacks and of the allocator's arenas is not known to a megabyte, and where
/// even the checkpoint cannot be mapped no plan is made.
bool trains_or_is_refused() {
  const TrainingRun run;
  const std::string error = run.error();
  CAPTURE(error);
  const bool in_vain = contains(error, "cannot allocate ") || contains(error, "Cannot allocate memory");
  CHECK((error.empty() || contains(error, "of memory at least") || in_vain));
  CHECK(fs::exists(run.out("cat.safetensors")) == error.empty());
  return error.empty();
}

}  // namespace

TEST_CASE("under any limit on the address space (ulimit -v) a run trains or is refused, and never crashes") {
  bool trained = false, refused = false;
  for (const size_t mib : {400, 550, 700, 850, 1000, 1200, 1400, 1700, 3000}) {
    CAPTURE(mib);
    const rlimit limit{mib << 20, mib << 20};
    const OwnProcess process =
        run_in_own_process("scenario: limited address space", kLimitVariable, std::to_string(mib << 20),
                           [&] { return setrlimit(RLIMIT_AS, &limit) == 0; });
    REQUIRE(process.could_start);
    INFO(process.output);
    CHECK(process.passed);
    (contains(process.output, "the run trained") ? trained : refused) = true;
  }
  CHECK(trained);
  CHECK(refused);
}

TEST_CASE("scenario: limited address space" * doctest::skip()) {
  CHECK(available_bytes() < limit_of_this_process());
  if (trains_or_is_refused()) MESSAGE("the run trained");
}
#endif

TEST_CASE("the limit of a container counts as the memory that is there") {
  for (const char* version : {"v1", "v2"}) {
    CAPTURE(version);
    const bool first = version == std::string("v1");
    const std::string limit = std::to_string(size_t{150} << 20), uid_map = concat_text("0 ", getuid(), " 1"),
                      gid_map = concat_text("0 ", getgid(), " 1");
    // The groups' own files cannot be made by a test; a small disk with such files takes their place.
    const OwnProcess process = run_in_own_process("scenario: a container", kLimitVariable, limit, [&] {
      if (!mount_small_disk("/sys/fs/cgroup", "size=1m", uid_map.c_str(), gid_map.c_str())) return false;
      if (!first)
        return make_file("/sys/fs/cgroup/memory.max", limit.c_str()) && make_file("/sys/fs/cgroup/memory.current", "0");
      return mkdir("/sys/fs/cgroup/memory", 0777) == 0 &&
             make_file("/sys/fs/cgroup/memory/memory.limit_in_bytes", limit.c_str()) &&
             make_file("/sys/fs/cgroup/memory/memory.usage_in_bytes", "0");
    });
    if (!process.could_start || contains(process.output, "no control group of that version")) {
      MESSAGE("this system has no such control groups, or lets no test mount a disk: skipped");
      continue;
    }
    INFO(process.output);
    CHECK(process.passed);
  }
}

TEST_CASE("scenario: a container" * doctest::skip()) {
  std::ifstream groups("/proc/self/cgroup");
  const std::string text{std::istreambuf_iterator<char>(groups), {}};
  if (!contains(text, fs::exists("/sys/fs/cgroup/memory.max") ? "0::" : ":memory:")) {
    MESSAGE("no control group of that version");
    return;
  }
  CHECK(total_bytes() == limit_of_this_process());
  CHECK(available_bytes() == limit_of_this_process());
  TrainingRun run;
  run.config.network.network_dim = 400;
  CHECK(contains(run.error(), "of memory at least, and only "));
}
