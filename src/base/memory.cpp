#include "base/memory.h"

#include <unistd.h>

#include <cctype>
#include <charconv>
#include <fstream>

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

}  // namespace

size_t available_bytes() { return system_memory("MemAvailable:"); }
size_t total_bytes() { return system_memory("MemTotal:"); }

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
