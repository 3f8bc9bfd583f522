#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/safetensors.h"

namespace rankine {

/// The header's names of element types: "F16", "BF16", ...
std::string_view safetensors_name_of(DType dtype);
std::optional<DType> dtype_of_safetensors_name(std::string_view name);
/// The position in the library's list of types; files are sorted by it, largest first.
int safetensors_rank_of(DType dtype);

struct ParsedHeader {
  std::map<std::string, std::string> metadata;
  std::vector<TensorInfo> tensors;  // by offset
};

/// Parses and checks a header's JSON against `data_size` bytes of data. `path` is only for messages. Memory stays
/// proportional to the header; deeper nesting than the format's is an error at once.
ParsedHeader parse_safetensors_header(std::string_view json, uint64_t data_size, const std::string& path);

}  // namespace rankine
