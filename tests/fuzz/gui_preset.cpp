#include "cli/gui_preset.h"

#include "flags_file.h"

using namespace rankine;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return fuzz::flags_file(data, size, "preset.json", assign_gui_preset);
}
