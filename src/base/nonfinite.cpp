#include "base/nonfinite.h"

#include <bit>

#include "base/half.h"

namespace rankine {
namespace {

/// A number whose exponent bits are all ones is infinite or NaN.
template <class Bits>
std::optional<NonFiniteNumbers> find(const void* numbers, int64_t count, Bits exponent, float (*value)(Bits)) {
  const auto* bits = static_cast<const Bits*>(numbers);
  NonFiniteNumbers found;
  for (int64_t i = 0; i < count; ++i) {
    if ((bits[i] & exponent) != exponent) continue;
    if (found.count++ == 0) {
      found.first = i;
      found.value = value(bits[i]);
    }
  }
  if (found.count == 0) return std::nullopt;
  return found;
}

}  // namespace

std::optional<NonFiniteNumbers> find_nonfinite(DType dtype, const void* numbers, int64_t count) {
  switch (dtype) {
    case DType::f32:
      return find<uint32_t>(numbers, count, 0x7f800000u, [](uint32_t bits) { return std::bit_cast<float>(bits); });
    case DType::bf16:
      return find<uint16_t>(numbers, count, 0x7f80u, f32_from_bf16);
    case DType::f16:
      return find<uint16_t>(numbers, count, 0x7c00u, f32_from_f16);
    default:
      return std::nullopt;
  }
}

}  // namespace rankine
