#include "graph/ops/update/dynamic_map.h"

#include <algorithm>
#include <cmath>

namespace rankine {
namespace {

DynamicMap make_map(bool is_signed) {
  constexpr int kDecades = 7;
  DynamicMap map{};
  size_t count = 0;
  for (int decade = 0; decade < kDecades; ++decade) {
    const int values = 1 << (is_signed ? decade : decade + 1);  // without a sign there is one bit more
    const double top = std::pow(10.0, decade - (kDecades - 1));
    for (int i = 0; i < values; ++i) {
      const double middle = 0.1 + 0.9 * (i + 0.5) / values;  // of the i-th of `values` equal parts of [0.1, 1]
      map[count++] = static_cast<float>(top * middle);
      if (is_signed) map[count++] = static_cast<float>(-top * middle);
    }
  }
  map[count++] = 0;
  map[count] = 1;
  std::sort(map.begin(), map.end());
  return map;
}

}  // namespace

const DynamicMap& dynamic_map(bool is_signed) {
  static const DynamicMap with_sign = make_map(true), without_sign = make_map(false);
  return is_signed ? with_sign : without_sign;
}

}  // namespace rankine
