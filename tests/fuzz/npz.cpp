#include "io/npz.h"

#include "data/latent_file.h"
#include "fuzz_file.h"
#include "io/npy_header.h"

using namespace rankine;

namespace {

void read_arrays(const std::string& path) {
  const NpzFile file = NpzFile::open(path);
  for (const std::string& name : file.names())
    fuzz::read_or_refuse(path, [&] {
      const NpyArray array = file.read(name);
      if (array.dtype == DType::f32 || array.dtype == DType::f16 || array.dtype == DType::f64) array.as_f32();
    });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string path = fuzz::file_of(data, size, "a_0016x0016_sd.npz");
  fuzz::read_or_refuse(path, [&] { read_arrays(path); });
  for (const bool trust : {false, true})
    read_latent_file(path, {.size = {16, 16}, .resized = {16, 16}, .bucket = {16, 16}}, {.flipped = true}, trust);
  // The header of an array alone: inside an archive a checksum guards it from most changes.
  fuzz::read_or_refuse(path, [&] { parse_npy_header({reinterpret_cast<const std::byte*>(data), size}, path); });
  return 0;
}
