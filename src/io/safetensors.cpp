#include "io/safetensors.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "base/error.h"
#include "io/convert.h"
#include "io/nearest_name.h"
#include "io/safetensors_header.h"

namespace rankine {
namespace {

template <class T>
void narrow_to_i32(std::span<const std::byte> bytes, std::span<int32_t> out, const TensorInfo& info) {
  for (size_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    check(std::in_range<int32_t>(value), "tensor \"", info.name, "\": ", value, " at position ", i,
          " does not fit 32 bits");
    out[i] = static_cast<int32_t>(value);
  }
}

}  // namespace

SafetensorsFile SafetensorsFile::open(const std::string& path) {
  // The format's own limit. A header is never larger than the file, so a short file cannot ask for much.
  constexpr uint64_t max_header = 100'000'000;
  SafetensorsFile file;
  file.path_ = path;
  file.file_ = MappedFile(path);
  const auto bytes = file.file_.bytes();
  check(bytes.size() >= 8, path, ": ", bytes.size(),
        " bytes are too few for a safetensors file, which starts with its header's length (8 bytes)");
  uint64_t length = 0;
  for (int i = 7; i >= 0; --i) length = length << 8 | static_cast<uint64_t>(bytes[static_cast<size_t>(i)]);
  check(length >= 2, path, ": the header's length is ", length, ", expected at least 2 (\"{}\")");
  check(length <= max_header, path, ": the header's length is ", length, ", the format allows ", max_header,
        ": this is not a safetensors file");
  check(length <= bytes.size() - 8, path, ": the header's length is ", length, ", but only ", bytes.size() - 8,
        " bytes follow: not a safetensors file, or cut short");
  const std::string_view json(reinterpret_cast<const char*>(bytes.data()) + 8, length);
  file.data_begin_ = 8 + length;
  ParsedHeader header = parse_safetensors_header(json, bytes.size() - file.data_begin_, path);
  file.metadata_ = std::move(header.metadata);
  file.tensors_ = std::move(header.tensors);
  for (size_t i = 0; i < file.tensors_.size(); ++i) file.index_.emplace(file.tensors_[i].name, i);
  return file;
}

const TensorInfo* SafetensorsFile::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

const TensorInfo& SafetensorsFile::at(std::string_view name) const {
  if (const TensorInfo* info = find(name)) return *info;
  std::vector<std::string_view> names;
  for (const TensorInfo& info : tensors_) names.push_back(info.name);
  fail(path_, ": no tensor \"", name, "\"", nearest_hint(name, names));
}

std::span<const std::byte> SafetensorsFile::bytes(const TensorInfo& info) const {
  return data().subspan(info.begin, info.end - info.begin);
}

void SafetensorsFile::read_f32(const TensorInfo& info, std::span<float> out) const {
  check(static_cast<int64_t>(out.size()) == count_of(info.shape), path_, ": tensor \"", info.name, "\" has shape ",
        as_text(info.shape), ", ", out.size(), " elements were expected");
  convert_to_f32(info.dtype, bytes(info), out);
}

std::vector<float> SafetensorsFile::read_f32(std::string_view name) const {
  const TensorInfo& info = at(name);
  std::vector<float> out(static_cast<size_t>(count_of(info.shape)));
  read_f32(info, out);
  return out;
}

void SafetensorsFile::read_i32(const TensorInfo& info, std::span<int32_t> out) const {
  check(static_cast<int64_t>(out.size()) == count_of(info.shape), path_, ": tensor \"", info.name, "\" has shape ",
        as_text(info.shape), ", ", out.size(), " elements were expected");
  const auto from = bytes(info);
  switch (info.dtype) {
    case DType::i64:
      return narrow_to_i32<int64_t>(from, out, info);
    case DType::i32:
      return narrow_to_i32<int32_t>(from, out, info);
    case DType::i16:
      return narrow_to_i32<int16_t>(from, out, info);
    case DType::i8:
      return narrow_to_i32<signed char>(from, out, info);
    case DType::u64:
      return narrow_to_i32<uint64_t>(from, out, info);
    case DType::u32:
      return narrow_to_i32<uint32_t>(from, out, info);
    case DType::u16:
      return narrow_to_i32<uint16_t>(from, out, info);
    case DType::boolean:
    case DType::u8:
      return narrow_to_i32<unsigned char>(from, out, info);
    default:
      fail(path_, ": tensor \"", info.name, "\" is ", info.dtype, ", whole numbers were expected");
  }
}

std::vector<int32_t> SafetensorsFile::read_i32(std::string_view name) const {
  const TensorInfo& info = at(name);
  std::vector<int32_t> out(static_cast<size_t>(count_of(info.shape)));
  read_i32(info, out);
  return out;
}

}  // namespace rankine
