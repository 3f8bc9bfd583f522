#pragma once
#include "base/error.h"
#include "graph/type.h"

namespace rankine {

/// A shape seen as [outer, size, inner] around one axis.
struct AxisView {
  int64_t outer = 1, size = 1, inner = 1;
  AxisView(const Shape& shape, int64_t axis) {
    for (size_t i = 0; i < shape.size(); ++i)
      (static_cast<int64_t>(i) < axis ? outer : static_cast<int64_t>(i) == axis ? size : inner) *= shape[i];
  }
};

/// The number of rows of a shape seen as [rows, last].
inline int64_t rows_of(const Shape& shape) {
  return shape.empty() ? 1 : count_of(shape) / (shape.back() ? shape.back() : 1);
}

/// The element of `small` that element `i` of `large` reads, where `small` broadcasts to `large` (aligned at the
/// end).
inline int64_t broadcast_index(const Shape& small, const Shape& large, int64_t i) {
  int64_t index = 0, stride = 1;
  for (size_t k = 0; k < large.size(); ++k) {
    const int64_t large_dim = large[large.size() - 1 - k], at = i % large_dim;
    i /= large_dim;
    if (k >= small.size()) continue;
    const int64_t small_dim = small[small.size() - 1 - k];
    if (small_dim != 1) index += at * stride;
    stride *= small_dim;
  }
  return index;
}

/// Throws Error unless `small` broadcasts to `large`.
inline void check_broadcast(const Shape& small, const Shape& large) {
  bool ok = small.size() <= large.size();
  for (size_t k = 0; ok && k < small.size(); ++k) {
    const int64_t s = small[small.size() - 1 - k];
    ok = s == 1 || s == large[large.size() - 1 - k];
  }
  check(ok, as_text(small), " does not broadcast to ", as_text(large));
}

}  // namespace rankine
