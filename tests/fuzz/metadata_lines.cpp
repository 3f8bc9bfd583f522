#include "metadata.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  rankine::fuzz::read_metadata(data, size, "metadata.jsonl");
  return 0;
}
