#pragma once
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace rankine {

/// Element types of tensors in files and in graphs.
enum class DType : uint8_t { f32, bf16, f16, f64, f8_e4m3, f8_e5m2, i64, i32, i16, i8, u64, u32, u16, u8, boolean };

/// Dimensions, outermost first; a scalar has none.
using Shape = std::vector<int64_t>;

/// Bytes of one element.
size_t size_of(DType dtype);
/// The name that graphs and messages print: "f32", "bf16", ...
std::string_view name_of(DType dtype);
/// The product of the dimensions; 1 for a scalar.
int64_t count_of(const Shape& shape);

std::ostream& operator<<(std::ostream& out, DType dtype);

/// The name and shape of a model's tensor, without its values.
struct NamedShape {
  std::string name{};
  Shape shape{};
  bool operator==(const NamedShape&) const = default;
};

/// Prints a shape as [2, 3, 4]: `out << as_text(shape)`.
struct ShapeText {
  const Shape& shape;
};
inline ShapeText as_text(const Shape& shape) { return {shape}; }
std::ostream& operator<<(std::ostream& out, ShapeText text);

}  // namespace rankine
