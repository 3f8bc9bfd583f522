#include "dataset.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  rankine::fuzz::read_dataset(data, size, "dataset.json");
  return 0;
}
