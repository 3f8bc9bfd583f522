#pragma once
#include <cstddef>
#include <span>
#include <string>

#include "base/dtype.h"

namespace rankine {

/// What stands before the numbers of a .npy array.
struct NpyHeader {
  DType dtype = DType::f32;
  Shape shape{};
  size_t size = 0;  ///< of the header itself, in bytes: the numbers follow
};

/// Reads versions 1 to 3 of the format. `where` begins every message. Throws Error for anything malformed, for types
/// that are no little-endian numbers, and for column-major order.
NpyHeader parse_npy_header(std::span<const std::byte> bytes, const std::string& where);

/// Version 1, padded to a multiple of 64 bytes, as numpy writes it. Throws Error for a type that numpy lacks.
std::string make_npy_header(DType dtype, const Shape& shape);

}  // namespace rankine
