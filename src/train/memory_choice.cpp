#include "train/memory_choice.h"

#include <unistd.h>

#include <cctype>
#include <charconv>
#include <fstream>
#include <memory>
#include <string>

namespace rankine {

MemoryChoice choose_step_memory(StepSettings& settings, const StepShape& largest, const DeviceRates& rates,
                                size_t budget_bytes) {
  StepSettings everything_kept = settings;
  everything_kept.gradient_checkpointing = false;
  everything_kept.recomputed = [](std::string_view) { return false; };
  everything_kept.kept_plain = everything_kept.kept_direct = everything_kept.recomputed;
  Graph graph;
  build_step_graph(graph, everything_kept, largest);
  const auto choice = std::make_shared<MemoryChoice>(choose_memory(memory_problem(graph, rates), budget_bytes));
  settings.recomputed = [choice](std::string_view block) { return choice->recomputed.contains(block); };
  settings.kept_direct = [choice](std::string_view name) { return choice->kept_direct.contains(name); };
  settings.kept_plain = [choice](std::string_view name) { return choice->kept_plain.contains(name); };
  return *choice;
}

size_t variable_bytes(const StepSettings& settings) {
  size_t count = 0;
  for (const LoraModule& module : settings.modules)
    count += static_cast<size_t>(count_of(module.down_shape()) + count_of(module.up_shape())) *
             (settings.trains(module) ? 4 : 1);
  return count * sizeof(float);
}

size_t fixed_bytes(const StepSettings& settings) {
  constexpr size_t kPrograms = size_t{60} << 20;  // oneDNN's generated code and the graphs, for SD 1.5 (measured)
  return resident_bytes() + variable_bytes(settings) + kPrograms;
}

size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  size_t pages = 0, resident = 0;
  statm >> pages >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

size_t available_bytes() {
  std::ifstream meminfo("/proc/meminfo");
  for (std::string key, unit; meminfo >> key;) {
    size_t kib = 0;
    meminfo >> kib >> unit;
    if (key == "MemAvailable:") return kib * 1024;
  }
  return 0;
}

size_t parse_memory(const std::string& text, const std::string& option) {
  if (text == "auto") return resident_bytes() + available_bytes() / 10 * 9;
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
