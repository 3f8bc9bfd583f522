#include "io/safetensors.h"

#include "fuzz_file.h"

using namespace rankine;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string path = fuzz::file_of(data, size, "a.safetensors");
  fuzz::read_or_refuse(path, [&] {
    const SafetensorsFile file = SafetensorsFile::open(path);
    for (const TensorInfo& tensor : file.tensors()) {
      fuzz::read_or_refuse(path, [&] { file.read_f32(tensor.name); });
      fuzz::read_or_refuse(path, [&] { file.read_i32(tensor.name); });
    }
  });
  return 0;
}
