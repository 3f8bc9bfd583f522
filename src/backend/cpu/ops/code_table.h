#pragma once
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "graph/ops/update/dynamic_map.h"

namespace rankine::cpu {

/// nearest_code without its search, which took most of an 8-bit optimiser's time: the upper half of a number's bits
/// leaves at most two neighbouring codes, and one comparison decides.
class CodeTable {
 public:
  using NearestCode = uint8_t (*)(const DynamicMap& map, float x);

  CodeTable(const DynamicMap& map, NearestCode nearest) : lowest_(1 << 16) {
    for (uint32_t upper = 0; upper < lowest_.size(); ++upper) {
      const float one_end = std::bit_cast<float>(upper << 16), other_end = std::bit_cast<float>(upper << 16 | 0xffff);
      lowest_[upper] = nearest(map, std::fmin(one_end, other_end));
    }
    for (size_t code = 0; code < begin_of_next_.size(); ++code) {
      begin_of_next_[code] = std::numeric_limits<float>::infinity();
      if (code == 255) continue;
      float below = map[code], above = map[code + 1];  // their codes are known
      for (;;) {
        const float middle = below + (above - below) / 2;
        if (middle <= below || middle >= above) break;
        (nearest(map, middle) > code ? above : below) = middle;
      }
      begin_of_next_[code] = above;
    }
  }

  /// x: in [-1, 1].
  uint8_t operator()(float x) const {
    const uint8_t code = lowest_[std::bit_cast<uint32_t>(x) >> 16];
    return static_cast<uint8_t>(code + (x >= begin_of_next_[code] ? 1 : 0));
  }

 private:
  std::vector<uint8_t> lowest_;             // of the numbers with these upper bits
  std::array<float, 256> begin_of_next_{};  // the least number that has a higher code
};

/// Of dynamic_map: of the same sign with sign, as a momentum wants it.
inline const CodeTable& code_table(bool is_signed) {
  static const CodeTable with_sign(dynamic_map(true), nearest_code_of_same_sign),
      without_sign(dynamic_map(false), nearest_code);
  return is_signed ? with_sign : without_sign;
}

}  // namespace rankine::cpu
