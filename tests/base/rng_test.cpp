#include "base/rng.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

using namespace rankine;

TEST_CASE("philox gives the known answers of its authors' test vectors") {
  CHECK(philox({0, 0}, {0, 0, 0, 0}) == std::array<uint32_t, 4>{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u});
  CHECK(philox({0xffffffffu, 0xffffffffu}, {0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu}) ==
        std::array<uint32_t, 4>{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu});
  CHECK(philox({0xa4093822u, 0x299f31d0u}, {0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}) ==
        std::array<uint32_t, 4>{0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u});
}

TEST_CASE("normal numbers have mean 0 and variance 1, and streams with other keys differ") {
  std::vector<float> values(100000);
  Rng(7, purpose::noise, 3).fill_normal(values);
  double sum = 0, squares = 0;
  for (const float v : values) sum += v, squares += v * v;
  CHECK(std::abs(sum / 1e5) < 0.02);
  CHECK(std::abs(squares / 1e5 - 1) < 0.02);
  CHECK(Rng(7, purpose::noise, 3).next_u32() != Rng(7, purpose::noise, 4).next_u32());
  CHECK(Rng(7, purpose::noise, 3).next_u32() != Rng(7, purpose::flip, 3).next_u32());
  CHECK(Rng(7, purpose::noise, 3).next_u32() == Rng(7, purpose::noise, 3).next_u32());
}
