#include "base/half.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace rankine;

TEST_CASE("every float16 value survives the way to float32 and back") {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float wide = f32_from_f16(half);
    if (std::isnan(wide)) {
      CHECK(std::isnan(f32_from_f16(f16_from_f32(wide))));
    } else {
      CHECK(f16_from_f32(wide) == half);
    }
  }
}

TEST_CASE("float16 rounds to nearest even and overflows to infinity") {
  CHECK(f16_from_f32(1.0f + 0x1p-11f) == 0x3c00);             // halfway: to even
  CHECK(f16_from_f32(1.0f + 0x1p-10f + 0x1p-11f) == 0x3c02);  // halfway: to even
  CHECK(f16_from_f32(65519.0f) == 0x7bff);
  CHECK(f16_from_f32(65520.0f) == 0x7c00);
  CHECK(f16_from_f32(0x1p-25f) == 0x0000);
  CHECK(f16_from_f32(0x1.000002p-25f) == 0x0001);
  CHECK(f16_from_f32(-0.0f) == 0x8000);
}

TEST_CASE("bfloat16 rounds to nearest even and keeps NaN and infinity") {
  CHECK(bf16_from_f32(1.0f + 0x1p-8f) == 0x3f80);
  CHECK(bf16_from_f32(1.0f + 0x1p-7f + 0x1p-8f) == 0x3f82);
  CHECK(std::isnan(f32_from_bf16(bf16_from_f32(std::numeric_limits<float>::quiet_NaN()))));
  CHECK(std::isinf(f32_from_bf16(bf16_from_f32(std::numeric_limits<float>::infinity()))));
}
