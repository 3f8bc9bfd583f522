#pragma once
#include <cstdint>
#include <optional>

#include "base/dtype.h"

namespace rankine {

/// Numbers among others that are infinite or NaN.
struct NonFiniteNumbers {
  int64_t first = 0;  ///< index
  float value = 0;    ///< of the first
  int64_t count = 0;  ///< in all
};

/// In `count` numbers of type f32, bf16 or f16; none where all are finite, and for other types.
std::optional<NonFiniteNumbers> find_nonfinite(DType dtype, const void* numbers, int64_t count);

}  // namespace rankine
