#pragma once
#include <bit>
#include <cstdint>

namespace rankine {

/// bfloat16 is the upper half of a float32. Rounds to nearest even; a NaN becomes a quiet NaN.
inline uint16_t bf16_from_f32(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x0040u);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

inline float f32_from_bf16(uint16_t value) { return std::bit_cast<float>(static_cast<uint32_t>(value) << 16); }

/// IEEE binary16. Rounds to nearest even, overflows to infinity, keeps subnormals.
uint16_t f16_from_f32(float value);
float f32_from_f16(uint16_t value);

}  // namespace rankine
