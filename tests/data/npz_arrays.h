#pragma once
#include <string>
#include <utility>
#include <vector>

#include "io/atomic_file.h"
#include "io/npz.h"

namespace rankine::test {

using NamedArrays = std::vector<std::pair<std::string, NpyArray>>;

inline NamedArrays arrays_of(const std::string& path) {
  const NpzFile file = NpzFile::open(path);
  NamedArrays all;
  for (const std::string& name : file.names()) all.emplace_back(name, file.read(name));
  return all;
}

inline void write_arrays(const std::string& path, const NamedArrays& all, std::vector<NpyToWrite> more = {}) {
  for (const auto& [name, array] : all) more.push_back({name, array.dtype, array.shape, array.bytes});
  write_file(path, serialize_npz(more));
}

/// The file's arrays without `name`, or with `values` in its place.
inline void rewrite(const std::string& path, const std::string& name, const std::vector<float>& values,
                    const Shape& shape) {
  NamedArrays all = arrays_of(path);
  std::erase_if(all, [&](const auto& array) { return array.first == name; });
  std::vector<NpyToWrite> more;
  if (!values.empty()) more.push_back({name, DType::f32, shape, std::as_bytes(std::span(values))});
  write_arrays(path, all, more);
}

/// Replaces `from` in the arrays' names.
inline void rename_arrays(const std::string& path, const std::string& from, const std::string& to) {
  NamedArrays all = arrays_of(path);
  for (auto& [name, array] : all)
    if (const size_t at = name.find(from); at != std::string::npos) name.replace(at, from.size(), to);
  write_arrays(path, all);
}

}  // namespace rankine::test
