#include "fuzz_file.h"
#include "io/torch_file.h"
#include "io/zip_write.h"

using namespace rankine;

namespace {

void read(const std::string& path) {
  fuzz::read_or_refuse(path, [&] {
    const TensorFile file = open_torch_file(path);
    for (const TensorInfo& tensor : file.tensors()) {
      fuzz::read_or_refuse(path, [&] { file.read_f32(tensor.name); });
      fuzz::read_or_refuse(path, [&] { file.read_i32(tensor.name); });
    }
  });
}

/// The archive that the input is the pickle of: inside one a checksum guards it from most changes.
std::string archive(const uint8_t* pickle, size_t size) {
  ZipWriter zip("fuzz");
  zip.add("archive/data.pkl", {reinterpret_cast<const char*>(pickle), size}, {});
  zip.add("archive/data/0", std::string(24, '\1'), {});
  return zip.finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  read(fuzz::file_of(data, size, "a.ckpt"));
  const std::string bytes = archive(data, size);
  read(fuzz::file_of(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(), "a.ckpt"));
  return 0;
}
