#pragma once
#include <compare>

namespace rankine {

/// Width and height in pixels, in this order everywhere.
struct Size {
  int width = 0;
  int height = 0;
  auto operator<=>(const Size&) const = default;
};

}  // namespace rankine
