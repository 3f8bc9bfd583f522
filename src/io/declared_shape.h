#pragma once
#include <cstdint>
#include <optional>

#include "base/dtype.h"

namespace rankine {

/// count_of for a shape that a file declares. Empty if the product of its leading dimensions exceeds 63 bits, even if a
/// later dimension is zero. No dimension may be negative.
inline std::optional<int64_t> claimed_count(const Shape& shape) {
  int64_t count = 1;
  for (const int64_t dim : shape)
    if (__builtin_mul_overflow(count, dim, &count)) return std::nullopt;
  return count;
}

}  // namespace rankine
