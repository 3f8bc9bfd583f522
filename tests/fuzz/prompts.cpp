#include "fuzz_file.h"
#include "sample/sample_prompts.h"

using namespace rankine;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  for (const char* name : {"prompts.txt", "prompts.toml", "prompts.json"}) {
    const std::string path = fuzz::file_of(data, size, name);
    fuzz::read_or_refuse(path, [&] { read_sample_prompts(path); });
  }
  return 0;
}
