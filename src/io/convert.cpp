#include "io/convert.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <vector>

#include "base/error.h"
#include "base/half.h"

namespace rankine {
namespace {

// For smaller arrays, starting threads costs more than the conversion.
constexpr int64_t parallel_from = 1 << 17;

// Unaligned load: tensors in a file lie at any offset.
template <class T>
T load(const std::byte* bytes, int64_t i) {
  T value;
  std::memcpy(&value, bytes + i * static_cast<int64_t>(sizeof(T)), sizeof(T));
  return value;
}

template <class T, class Convert>
void convert_each(std::span<const std::byte> bytes, std::span<float> out, Convert convert) {
  const auto count = static_cast<int64_t>(out.size());
  const std::byte* from = bytes.data();
  float* to = out.data();
#pragma omp parallel for simd schedule(static) if (count >= parallel_from)
  for (int64_t i = 0; i < count; ++i) to[i] = convert(load<T>(from, i));
}

template <class T>
void convert_numbers(std::span<const std::byte> bytes, std::span<float> out) {
  convert_each<T>(bytes, out, [](T value) { return static_cast<float>(value); });
}

// The same as f32_from_f16, written as selects so that the loop vectorises.
inline float widen_f16(uint16_t value) {
  const uint32_t magnitude = value & 0x7fffu, sign = static_cast<uint32_t>(value & 0x8000u) << 16;
  const uint32_t normal = (magnitude << 13) + (magnitude >= 0x7c00u ? 0x70000000u : 0x38000000u);
  const uint32_t subnormal = std::bit_cast<uint32_t>(static_cast<float>(static_cast<int32_t>(magnitude)) * 0x1p-24f);
  return std::bit_cast<float>(sign | (magnitude < 0x400u ? subnormal : normal));
}

template <float (*widen)(uint8_t)>
void convert_f8(std::span<const std::byte> bytes, std::span<float> out) {
  std::array<float, 256> table;
  for (size_t i = 0; i < table.size(); ++i) table[i] = widen(static_cast<uint8_t>(i));
  convert_each<uint8_t>(bytes, out, [&](uint8_t value) { return table[value]; });
}

}  // namespace

float f32_from_f8_e4m3(uint8_t value) {
  const int exponent = (value >> 3) & 15, mantissa = value & 7;
  if (exponent == 15 && mantissa == 7) return std::numeric_limits<float>::quiet_NaN();
  float magnitude;
  if (exponent == 0)
    magnitude = static_cast<float>(mantissa) * 0x1p-9f;
  else
    magnitude = std::bit_cast<float>(static_cast<uint32_t>((exponent + 120) << 23 | mantissa << 20));
  return value & 0x80 ? -magnitude : magnitude;
}

uint8_t f8_e4m3_from_f32(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value), magnitude = bits & 0x7fffffffu;
  const auto sign = static_cast<uint8_t>(bits >> 24 & 0x80u);
  const auto with_sign = [&](uint32_t code) { return static_cast<uint8_t>(sign | code); };
  if (magnitude > std::bit_cast<uint32_t>(464.0f)) return with_sign(0x7f);  // 464 is a tie, and 448 is even
  if (magnitude < std::bit_cast<uint32_t>(0x1p-6f)) {  // steps of 2^-9: 2^14 has them as its last place
    const float shifted = std::bit_cast<float>(magnitude) + 0x1p14f;
    return with_sign(std::bit_cast<uint32_t>(shifted) - std::bit_cast<uint32_t>(0x1p14f));
  }
  const uint32_t rounded = magnitude + 0x7ffffu + (magnitude >> 20 & 1u);
  return with_sign((rounded >> 20) - (120u << 3));  // the exponent's bias is 7, not 127
}

float f32_from_f8_e5m2(uint8_t value) { return f32_from_f16(static_cast<uint16_t>(value << 8)); }

void convert_to_f32(DType from, std::span<const std::byte> bytes, std::span<float> out) {
  check(bytes.size() == out.size() * size_of(from), "conversion from ", from, ": ", bytes.size(), " bytes are not ",
        out.size(), " elements");
  if (out.empty()) return;
  switch (from) {
    case DType::f32:
      return convert_numbers<float>(bytes, out);
    case DType::f64:
      return convert_numbers<double>(bytes, out);
    case DType::f16:
      return convert_each<uint16_t>(bytes, out, widen_f16);
    case DType::bf16:
      return convert_each<uint16_t>(bytes, out, f32_from_bf16);
    case DType::f8_e4m3:
      return convert_f8<f32_from_f8_e4m3>(bytes, out);
    case DType::f8_e5m2:
      return convert_f8<f32_from_f8_e5m2>(bytes, out);
    case DType::i64:
      return convert_numbers<int64_t>(bytes, out);
    case DType::i32:
      return convert_numbers<int32_t>(bytes, out);
    case DType::i16:
      return convert_numbers<int16_t>(bytes, out);
    case DType::i8:
      return convert_numbers<int8_t>(bytes, out);
    case DType::u64:
      return convert_numbers<uint64_t>(bytes, out);
    case DType::u32:
      return convert_numbers<uint32_t>(bytes, out);
    case DType::u16:
      return convert_numbers<uint16_t>(bytes, out);
    case DType::u8:
      return convert_numbers<uint8_t>(bytes, out);
    case DType::boolean:
      return convert_each<uint8_t>(bytes, out, [](uint8_t value) { return value ? 1.0f : 0.0f; });
  }
  fail("conversion from an unknown element type");
}

void convert_from_f32(std::span<const float> values, DType to, std::span<std::byte> out) {
  check(out.size() == values.size() * size_of(to), "conversion to ", to, ": ", out.size(), " bytes do not hold ",
        values.size(), " elements");
  if (values.empty()) return;
  const auto count = static_cast<int64_t>(values.size());
  const float* from = values.data();
  std::byte* bytes = out.data();
  const auto each = [&](auto convert) {
#pragma omp parallel for schedule(static) if (count >= parallel_from)
    for (int64_t i = 0; i < count; ++i) {
      const uint16_t half = convert(from[i]);
      std::memcpy(bytes + 2 * i, &half, 2);
    }
  };
  if (to == DType::f32)
    std::memcpy(bytes, from, out.size());
  else if (to == DType::f16)
    each(f16_from_f32);
  else if (to == DType::bf16)
    each(bf16_from_f32);
  else
    fail("conversion from f32 to ", to, " is not supported: use f32, f16 or bf16");
}

void round_through(DType type, std::span<float> values) {
  if (type == DType::f32) return;
  std::vector<std::byte> bytes(values.size() * size_of(type));
  convert_from_f32(values, type, bytes);
  convert_to_f32(type, bytes, values);
}

}  // namespace rankine
