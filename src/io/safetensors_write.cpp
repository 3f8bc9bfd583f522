#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <unordered_set>

#include "base/error.h"
#include "io/atomic_file.h"
#include "io/safetensors.h"
#include "io/safetensors_header.h"

namespace rankine {
namespace {

std::string quoted(const std::string& text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::exception&) {
    fail("safetensors: \"", text.substr(0, 200), "\" is not UTF-8 and cannot be written into a header");
  }
}

uint64_t byte_size(const TensorToWrite& tensor) {
  uint64_t size = size_of(tensor.dtype);
  for (const int64_t dim : tensor.shape)
    check(dim >= 0 && !__builtin_mul_overflow(size, static_cast<uint64_t>(dim), &size), "safetensors: tensor \"",
          tensor.name, "\" has the impossible shape ", as_text(tensor.shape));
  return size;
}

}  // namespace

SafetensorsHeader make_safetensors_header(std::span<const TensorToWrite> tensors,
                                          const std::map<std::string, std::string>& metadata) {
  SafetensorsHeader header;
  header.order.resize(tensors.size());
  header.offsets.resize(tensors.size());
  std::iota(header.order.begin(), header.order.end(), size_t{0});
  std::sort(header.order.begin(), header.order.end(), [&](size_t a, size_t b) {
    const int rank_a = safetensors_rank_of(tensors[a].dtype), rank_b = safetensors_rank_of(tensors[b].dtype);
    return rank_a != rank_b ? rank_a > rank_b : tensors[a].name < tensors[b].name;
  });

  std::string json = "{";
  if (!metadata.empty()) {
    json += "\"__metadata__\":{";
    for (const char* comma = ""; const auto& [key, value] : metadata) {
      json += concat_text(comma, quoted(key), ":", quoted(value));
      comma = ",";
    }
    json += "}";
  }
  std::unordered_set<std::string_view> names;
  for (const size_t i : header.order) {
    const TensorToWrite& tensor = tensors[i];
    check(tensor.name != "__metadata__", "safetensors: a tensor cannot be named __metadata__");
    check(names.insert(tensor.name).second, "safetensors: two tensors are named \"", tensor.name, "\"");
    const uint64_t size = byte_size(tensor);
    header.offsets[i] = header.data_size;
    if (json.size() > 1) json += ",";
    json += concat_text(quoted(tensor.name), ":{\"dtype\":\"", safetensors_name_of(tensor.dtype), "\",\"shape\":[");
    for (size_t d = 0; d < tensor.shape.size(); ++d) json += concat_text(d ? "," : "", tensor.shape[d]);
    json += concat_text("],\"data_offsets\":[", header.data_size, ",", header.data_size + size, "]}");
    header.data_size += size;
  }
  json += "}";
  json.append((8 - json.size() % 8) % 8, ' ');  // makes the data begin at a multiple of eight

  for (uint64_t length = json.size(), i = 0; i < 8; ++i, length >>= 8) header.bytes += static_cast<char>(length & 0xff);
  header.bytes += json;
  return header;
}

void serialize_safetensors(std::span<const TensorToWrite> tensors, const std::map<std::string, std::string>& metadata,
                           const std::function<void(std::span<const std::byte>)>& sink) {
  const SafetensorsHeader header = make_safetensors_header(tensors, metadata);
  for (const TensorToWrite& tensor : tensors)
    check(tensor.bytes.size() == byte_size(tensor), "safetensors: tensor \"", tensor.name, "\" is ", tensor.dtype,
          as_text(tensor.shape), ", which is not ", tensor.bytes.size(), " bytes");
  sink(std::as_bytes(std::span(header.bytes)));
  for (const size_t i : header.order) sink(tensors[i].bytes);
}

std::vector<std::byte> serialize_safetensors(std::span<const TensorToWrite> tensors,
                                             const std::map<std::string, std::string>& metadata) {
  std::vector<std::byte> bytes;
  serialize_safetensors(tensors, metadata,
                        [&](std::span<const std::byte> part) { bytes.insert(bytes.end(), part.begin(), part.end()); });
  return bytes;
}

void write_safetensors(const std::string& path, std::span<const TensorToWrite> tensors,
                       const std::map<std::string, std::string>& metadata) {
  AtomicFile file(path);
  serialize_safetensors(tensors, metadata, [&](std::span<const std::byte> part) { file.write(part); });
  file.commit();
}

}  // namespace rankine
