#pragma once
#include <cstdint>
#include <optional>

#include "base/dtype.h"

namespace rankine {

/// count_of for a shape that a file claims: nothing where 63 bits cannot hold the product of its leading dimensions,
/// even if a later one is zero. No dimension is negative.
inline std::optional<int64_t> claimed_count(const Shape& shape) {
  int64_t count = 1;
  for (const int64_t dim : shape)
    if (__builtin_mul_overflow(count, dim, &count)) return std::nullopt;
  return count;
}

}  // namespace rankine
