#include "flags_file.h"

using namespace rankine;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return fuzz::flags_file(data, size, "config.toml", assign_config_file);
}
