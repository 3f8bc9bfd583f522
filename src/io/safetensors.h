#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "io/tensor_file.h"

namespace rankine {

/// A .safetensors file. Format: eight bytes little-endian header length, a JSON header, the tensors' bytes without
/// gaps (https://github.com/huggingface/safetensors). `data` is everything after the header; `sshs_model_hash` is its
/// hash.
class SafetensorsFile : public TensorFile {
 public:
  /// Reads and checks the whole header. Throws Error that names the file (and tensor) for anything malformed.
  static SafetensorsFile open(const std::string& path);

 private:
  using TensorFile::TensorFile;
};

/// A tensor to write; the caller owns the bytes.
struct TensorToWrite {
  std::string name{};
  DType dtype = DType::f32;
  Shape shape{};
  std::span<const std::byte> bytes{};
};

/// The header (with its length) of a file with these tensors, and the order of their bytes. The order is that of the
/// safetensors library: by element type, widest first, then by name. Reads only names, types and shapes.
struct SafetensorsHeader {
  std::string bytes;
  std::vector<size_t> order;      // positions in the given list
  std::vector<uint64_t> offsets;  // of the given tensors, from the start of the data
  uint64_t data_size = 0;
};
SafetensorsHeader make_safetensors_header(std::span<const TensorToWrite> tensors,
                                          const std::map<std::string, std::string>& metadata);

/// Passes the file's bytes to `sink` in pieces. Throws Error for repeated names or sizes that do not match.
void serialize_safetensors(std::span<const TensorToWrite> tensors, const std::map<std::string, std::string>& metadata,
                           const std::function<void(std::span<const std::byte>)>& sink);
std::vector<std::byte> serialize_safetensors(std::span<const TensorToWrite> tensors,
                                             const std::map<std::string, std::string>& metadata);

/// Writes the file atomically: `path` holds either the whole new file or its old content.
void write_safetensors(const std::string& path, std::span<const TensorToWrite> tensors,
                       const std::map<std::string, std::string>& metadata);

}  // namespace rankine
