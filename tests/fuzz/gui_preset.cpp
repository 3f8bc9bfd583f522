#include "cli/gui_preset.h"

#include "flags_file.h"

using namespace rankine;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto assign = [](const FlagTable& table, const std::string& path, std::vector<std::string>& notes,
                         std::vector<std::string>& warnings) { assign_gui_preset(table, path, {}, notes, warnings); };
  return fuzz::flags_file(data, size, "preset.json", assign);
}
