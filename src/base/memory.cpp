#include "base/memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <fstream>
#include <thread>

#include "base/control_group.h"
#include "base/error.h"

namespace rankine {

size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  size_t pages = 0, resident = 0;
  statm >> pages >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

namespace {

size_t system_memory(const std::string& wanted) {
  std::ifstream meminfo("/proc/meminfo");
  for (std::string key, unit; meminfo >> key;) {
    size_t kib = 0;
    meminfo >> kib >> unit;
    if (key == wanted) return kib * 1024;
  }
  return 0;
}

/// Bytes of address space that the process will take without memory behind them: the stack and the allocator's arena of
/// each thread.
size_t empty_address_space() {
  constexpr size_t kOfThread = size_t{64} << 20;
  return kOfThread * (1 + std::max(1u, std::thread::hardware_concurrency()));
}

rlim_t address_space_limit() {
  rlimit limit{};
  return getrlimit(RLIMIT_AS, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;
}

size_t free_address_space() {
  if (!address_space_is_limited()) return SIZE_MAX;
  std::ifstream statm("/proc/self/statm");
  size_t pages = 0;
  statm >> pages;
  const size_t taken = pages * static_cast<size_t>(sysconf(_SC_PAGESIZE)) + empty_address_space();
  const size_t all = address_space_limit();
  return all - std::min(all, taken);
}

}  // namespace

bool address_space_is_limited() { return address_space_limit() != RLIM_INFINITY; }
size_t available_bytes() {
  return std::min({system_memory("MemAvailable:"), control_group_memory().free, free_address_space()});
}
size_t total_bytes() { return std::min(system_memory("MemTotal:"), control_group_memory().limit); }

size_t parse_memory(const std::string& text, const std::string& option, size_t automatic) {
  if (text == "auto") return automatic;
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string unit(end, text.data() + text.size());
  for (char& c : unit) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  double factor = 0;
  if (unit.empty() || unit == "b") factor = 1;
  if (unit == "k" || unit == "kb" || unit == "kib") factor = 1024;
  if (unit == "m" || unit == "mb" || unit == "mib") factor = 1024.0 * 1024;
  if (unit == "g" || unit == "gb" || unit == "gib") factor = 1024.0 * 1024 * 1024;
  check(error == std::errc() && factor > 0 && number > 0, option,
        ": expected a size like 6GiB or 900M, or auto, got \"", text, "\"");
  return static_cast<size_t>(number * factor);
}

}  // namespace rankine
