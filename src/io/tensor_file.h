#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/dtype.h"
#include "io/mapped_file.h"

namespace rankine {

/// A tensor of a file. `begin` and `end` count bytes from the start of the data.
struct TensorInfo {
  std::string name{};
  DType dtype = DType::f32;
  Shape shape{};
  uint64_t begin = 0, end = 0;
};

/// A file of named tensors, memory mapped and read only.
class TensorFile {
 public:
  /// Opens a .safetensors file, or one of PyTorch's (.ckpt, .pt, .bin), recognised by its content. Throws Error that
  /// names the file (and tensor) for anything malformed.
  static TensorFile open(const std::string& path);
  /// For readers of formats: `tensors`, in the order of their bytes, lie in `file` from `data_begin` on.
  TensorFile(std::string path, MappedFile file, size_t data_begin, std::vector<TensorInfo> tensors,
             std::map<std::string, std::string> metadata = {});

  const std::string& path() const { return path_; }
  /// Empty if the format has no metadata.
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  /// All tensors in the order of their bytes in the file.
  const std::vector<TensorInfo>& tensors() const { return tensors_; }
  /// nullptr if there is no such tensor.
  const TensorInfo* find(std::string_view name) const;
  /// Throws Error with the nearest existing name if there is no such tensor.
  const TensorInfo& at(std::string_view name) const;

  std::span<const std::byte> bytes(const TensorInfo& info) const;
  /// Converts any element type to float32; `out` has exactly the tensor's count.
  void read_f32(const TensorInfo& info, std::span<float> out) const;
  std::vector<float> read_f32(std::string_view name) const;
  /// For integer tensors only; a value outside int32 throws Error.
  void read_i32(const TensorInfo& info, std::span<int32_t> out) const;
  std::vector<int32_t> read_i32(std::string_view name) const;
  /// Drops the tensor's pages, so that reading a checkpoint never fills memory. It can be read again.
  void release(const TensorInfo& info) const { file_.release(bytes(info)); }
  /// The bytes that hold the tensors.
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

}  // namespace rankine
