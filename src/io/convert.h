#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/dtype.h"

namespace rankine {

/// Converts elements of any type to float32 (f64 and 64-bit integers are rounded to nearest). `bytes` holds exactly
/// out.size() elements, of any alignment. Parallel when large.
void convert_to_f32(DType from, std::span<const std::byte> bytes, std::span<float> out);

/// Converts float32 to f32, f16 or bf16 (round to nearest even); other types throw Error. Parallel when large.
void convert_from_f32(std::span<const float> values, DType to, std::span<std::byte> out);

/// Rounds each number as a file of f32, f16 or bf16 stores it.
void round_through(DType type, std::span<float> values);

/// float8 with 4 exponent bits, as PyTorch's float8_e4m3fn: no infinity; 0x7f and 0xff are NaN (arXiv:2209.05433).
float f32_from_f8_e4m3(uint8_t value);
/// Rounds to nearest even and keeps subnormals. A value that would round past 448 becomes NaN, as in PyTorch.
uint8_t f8_e4m3_from_f32(float value);
/// float8 with 5 exponent bits: the upper byte of a float16.
float f32_from_f8_e5m2(uint8_t value);

}  // namespace rankine
