#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/dtype.h"
#include "io/mapped_file.h"

namespace rankine {

/// One tensor of a file. `begin` and `end` count bytes from the start of the data, after the header.
struct TensorInfo {
  std::string name{};
  DType dtype = DType::f32;
  Shape shape{};
  uint64_t begin = 0, end = 0;
};

/// A .safetensors file, memory mapped and read only. Format: eight bytes little-endian header length, a JSON header,
/// the tensors' bytes without gaps (https://github.com/huggingface/safetensors).
class SafetensorsFile {
 public:
  /// Reads and checks the whole header. Throws Error naming the file (and tensor) for anything malformed.
  static SafetensorsFile open(const std::string& path);

  const std::string& path() const { return path_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  /// In the order of their bytes in the file.
  const std::vector<TensorInfo>& tensors() const { return tensors_; }
  /// nullptr if absent.
  const TensorInfo* find(std::string_view name) const;
  /// Throws Error with the nearest existing name if absent.
  const TensorInfo& at(std::string_view name) const;

  std::span<const std::byte> bytes(const TensorInfo& info) const;
  /// Any element type to float32; `out` has exactly the tensor's count.
  void read_f32(const TensorInfo& info, std::span<float> out) const;
  std::vector<float> read_f32(std::string_view name) const;
  /// Integer tensors only; a value outside int32 throws Error.
  void read_i32(const TensorInfo& info, std::span<int32_t> out) const;
  std::vector<int32_t> read_i32(std::string_view name) const;
  /// Gives the tensor's pages back, so that reading a checkpoint never fills memory. It can be read again.
  void release(const TensorInfo& info) const { file_.release(bytes(info)); }
  /// All bytes after the header: what `sshs_model_hash` is computed of.
  std::span<const std::byte> data() const { return file_.bytes().subspan(data_begin_); }
  uint64_t file_size() const { return file_.bytes().size(); }

 private:
  std::string path_;
  MappedFile file_;
  size_t data_begin_ = 0;
  std::map<std::string, std::string> metadata_;
  std::vector<TensorInfo> tensors_;
  std::unordered_map<std::string_view, size_t> index_;  // views of the names in tensors_, whose buffer never moves
};

/// A tensor to be written; the bytes belong to the caller.
struct TensorToWrite {
  std::string name{};
  DType dtype = DType::f32;
  Shape shape{};
  std::span<const std::byte> bytes{};
};

/// Header (with its length) of a file with these tensors, and the order in which their bytes follow it. The order is
/// that of the safetensors library: by element type, widest first, then by name. Only names, types and shapes are read.
struct SafetensorsHeader {
  std::string bytes;
  std::vector<size_t> order;      // positions in the given list
  std::vector<uint64_t> offsets;  // of the given tensors, from the start of the data
  uint64_t data_size = 0;
};
SafetensorsHeader make_safetensors_header(std::span<const TensorToWrite> tensors,
                                          const std::map<std::string, std::string>& metadata);

/// Passes the file's bytes to `sink` piece by piece. Throws Error for repeated names or sizes that do not match.
void serialize_safetensors(std::span<const TensorToWrite> tensors, const std::map<std::string, std::string>& metadata,
                           const std::function<void(std::span<const std::byte>)>& sink);
std::vector<std::byte> serialize_safetensors(std::span<const TensorToWrite> tensors,
                                             const std::map<std::string, std::string>& metadata);

/// Writes the file atomically: `path` holds either the whole new file or what it held before.
void write_safetensors(const std::string& path, std::span<const TensorToWrite> tensors,
                       const std::map<std::string, std::string>& metadata);

}  // namespace rankine
