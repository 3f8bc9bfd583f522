#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

namespace rankine {

/// Dynamic 8-bit numbers in [-1, 1], or [0, 1] without sign (Dettmers 2015, arXiv:1511.04561; Dettmers et al. 2021,
/// arXiv:2110.02861, section 2.1): seven decades, each with twice as many evenly spaced values as the one below, then 0
/// and 1. Ascending; a code is an index.
using DynamicMap = std::array<float, 256>;
const DynamicMap& dynamic_map(bool is_signed);

/// The code of the nearest number. x must not be NaN.
inline uint8_t nearest_code(const DynamicMap& map, float x) {
  std::size_t low = 0;  // the last number that is not above x, or the first
  for (std::size_t half = 128; half > 0; half /= 2) low += map[low + half] <= x ? half : 0;
  const bool upper = low < 255 && map[low + 1] - x < x - map[low];
  return static_cast<uint8_t>(low + (upper ? 1 : 0));
}

/// The same for a signed map, but never of the other sign, so that a momentum keeps its direction.
inline uint8_t nearest_code_of_same_sign(const DynamicMap& map, float x) {
  const uint8_t code = nearest_code(map, x);
  const float found = map[code];
  if (x > 0 && found < 0) return static_cast<uint8_t>(code + 1);
  if (x < 0 && found > 0) return static_cast<uint8_t>(code - 1);
  return code;
}

/// The number of elements that share one scale, and the least size of a tensor with an 8-bit state.
inline constexpr int64_t quantized_block = 256, least_quantized = 4096;

}  // namespace rankine
