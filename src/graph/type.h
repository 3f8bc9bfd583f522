#pragma once
#include "base/dtype.h"

namespace rankine {

/// The shape (outermost first; images are NHWC) and element type of a value, known before anything runs.
struct Type {
  Shape shape;
  DType dtype = DType::f32;

  int64_t count() const { return count_of(shape); }
  size_t bytes() const { return static_cast<size_t>(count()) * size_of(dtype); }
  bool operator==(const Type&) const = default;
};

/// Prints, for example, bf16[1, 64, 64, 320].
std::ostream& operator<<(std::ostream& out, const Type& type);

}  // namespace rankine
