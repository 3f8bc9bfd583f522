#include "base/error.h"
#include "io/npy_header.h"
#include "io/npz.h"
#include "io/zip_write.h"

namespace rankine {

std::string serialize_npz(std::span<const NpyToWrite> arrays) {
  ZipWriter zip("npz");
  for (const NpyToWrite& array : arrays) {
    check(array.bytes.size() == static_cast<size_t>(count_of(array.shape)) * size_of(array.dtype), "npz: \"",
          array.name, "\" is ", array.dtype, as_text(array.shape), ", which is not ", array.bytes.size(), " bytes");
    zip.add(array.name + ".npy", make_npy_header(array.dtype, array.shape), array.bytes);
  }
  return zip.finish();
}

}  // namespace rankine
