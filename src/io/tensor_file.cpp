#include "io/tensor_file.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/shortened.h"
#include "io/convert.h"
#include "io/nearest_name.h"
#include "io/safetensors.h"
#include "io/torch_file.h"

namespace rankine {
namespace {

template <class T>
void narrow_to_i32(std::span<const std::byte> bytes, std::span<int32_t> out, const std::string& where) {
  for (size_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    check(std::in_range<int32_t>(value), where, ": ", value, " at position ", i, " does not fit 32 bits");
    out[i] = static_cast<int32_t>(value);
  }
}

}  // namespace

TensorFile TensorFile::open(const std::string& path) {
  const MappedFile file(path);
  return is_torch_file(file.bytes()) ? open_torch_file(path) : TensorFile(SafetensorsFile::open(path));
}

TensorFile::TensorFile(std::string path, MappedFile file, size_t data_begin, std::vector<TensorInfo> tensors,
                       std::map<std::string, std::string> metadata)
    : path_(std::move(path)),
      file_(std::move(file)),
      data_begin_(data_begin),
      metadata_(std::move(metadata)),
      tensors_(std::move(tensors)) {
  for (size_t i = 0; i < tensors_.size(); ++i) index_.emplace(tensors_[i].name, i);
}

const TensorInfo* TensorFile::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

const TensorInfo& TensorFile::at(std::string_view name) const {
  if (const TensorInfo* info = find(name)) return *info;
  std::vector<std::string_view> names;
  for (const TensorInfo& info : tensors_) names.push_back(info.name);
  fail(path_, ": no tensor \"", name, "\"", nearest_hint(name, names));
}

std::span<const std::byte> TensorFile::bytes(const TensorInfo& info) const {
  return data().subspan(info.begin, info.end - info.begin);
}

void TensorFile::read_f32(const TensorInfo& info, std::span<float> out) const {
  check(static_cast<int64_t>(out.size()) == count_of(info.shape), path_, ": tensor \"", info.name, "\" has shape ",
        as_text(info.shape), ", ", out.size(), " elements were expected");
  convert_to_f32(info.dtype, bytes(info), out);
}

std::vector<float> TensorFile::read_f32(std::string_view name) const {
  const TensorInfo& info = at(name);
  std::vector<float> out(static_cast<size_t>(count_of(info.shape)));
  read_f32(info, out);
  return out;
}

void TensorFile::read_i32(const TensorInfo& info, std::span<int32_t> out) const {
  check(static_cast<int64_t>(out.size()) == count_of(info.shape), path_, ": tensor \"", info.name, "\" has shape ",
        as_text(info.shape), ", ", out.size(), " elements were expected");
  const auto from = bytes(info);
  const std::string where = concat_text(path_, ": tensor \"", shortened(info.name), "\"");
  switch (info.dtype) {
    case DType::i64:
      return narrow_to_i32<int64_t>(from, out, where);
    case DType::i32:
      return narrow_to_i32<int32_t>(from, out, where);
    case DType::i16:
      return narrow_to_i32<int16_t>(from, out, where);
    case DType::i8:
      return narrow_to_i32<signed char>(from, out, where);
    case DType::u64:
      return narrow_to_i32<uint64_t>(from, out, where);
    case DType::u32:
      return narrow_to_i32<uint32_t>(from, out, where);
    case DType::u16:
      return narrow_to_i32<uint16_t>(from, out, where);
    case DType::boolean:
    case DType::u8:
      return narrow_to_i32<unsigned char>(from, out, where);
    default:
      fail(where, " is ", info.dtype, ", whole numbers were expected");
  }
}

std::vector<int32_t> TensorFile::read_i32(std::string_view name) const {
  const TensorInfo& info = at(name);
  std::vector<int32_t> out(static_cast<size_t>(count_of(info.shape)));
  read_i32(info, out);
  return out;
}

}  // namespace rankine
