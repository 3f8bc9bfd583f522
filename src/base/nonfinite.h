#pragma once
#include <cstdint>
#include <optional>

#include "base/dtype.h"

namespace rankine {

/// The infinite and NaN values of a tensor.
struct NonFiniteNumbers {
  int64_t first = 0;  ///< index of the first one
  float value = 0;    ///< its value
  int64_t count = 0;  ///< number of all
};

/// Searches `count` values of type f32, bf16 or f16. Empty if all are finite, and for other types.
std::optional<NonFiniteNumbers> find_nonfinite(DType dtype, const void* numbers, int64_t count);

}  // namespace rankine
