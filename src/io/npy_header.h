#pragma once
#include <cstddef>
#include <span>
#include <string>

#include "base/dtype.h"

namespace rankine {

/// The header of a .npy array.
struct NpyHeader {
  DType dtype = DType::f32;
  Shape shape{};
  size_t size = 0;  ///< bytes of the header; the numbers follow
};

/// Reads versions 1 to 3 of the format. `where` begins every message. Throws Error for malformed headers, for types
/// other than little-endian numbers, and for column-major order.
NpyHeader parse_npy_header(std::span<const std::byte> bytes, const std::string& where);

/// Writes version 1, padded to a multiple of 64 bytes as numpy does. Throws Error for a type that numpy lacks.
std::string make_npy_header(DType dtype, const Shape& shape);

}  // namespace rankine
