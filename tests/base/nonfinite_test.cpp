#include "base/nonfinite.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/half.h"

using namespace rankine;

TEST_CASE("numbers that are not finite are found in every floating-point type, the first and how many") {
  const float inf = std::numeric_limits<float>::infinity(), largest = std::numeric_limits<float>::max();
  std::vector<float> f32 = {0, -largest, 1e-45f, 3};
  CHECK(!find_nonfinite(DType::f32, f32.data(), 4));
  f32[1] = -inf;
  f32[3] = NAN;
  const auto found = find_nonfinite(DType::f32, f32.data(), 4);
  REQUIRE(found);
  CHECK(found->first == 1);
  CHECK(found->value == -inf);
  CHECK(found->count == 2);

  std::vector<uint16_t> f16 = {f16_from_f32(65504), f16_from_f32(65520), f16_from_f32(-1)};
  const auto overflow = find_nonfinite(DType::f16, f16.data(), 3);
  REQUIRE(overflow);
  CHECK(overflow->first == 1);
  CHECK(overflow->value == inf);
  CHECK(overflow->count == 1);
  std::vector<uint16_t> bf16 = {bf16_from_f32(1e38f), bf16_from_f32(NAN)};
  CHECK(find_nonfinite(DType::bf16, bf16.data(), 2)->first == 1);
  CHECK(std::isnan(find_nonfinite(DType::bf16, bf16.data(), 2)->value));
  CHECK(!find_nonfinite(DType::bf16, bf16.data(), 1));
  const int32_t all_ones = -1;
  CHECK(!find_nonfinite(DType::i32, &all_ones, 1));
}
