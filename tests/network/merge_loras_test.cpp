#include "network/merge_loras.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "base/rng.h"

using namespace rankine;

namespace {

LoadedLora module_of(const std::string& key, Shape weight, int64_t rank, double alpha, uint64_t seed) {
  LoadedLora lora{
      .module = {.key = key, .path = "unet." + key, .weight = std::move(weight), .rank = rank, .alpha = alpha},
      .down = {},
      .up = {}};
  lora.down.resize(static_cast<size_t>(count_of(lora.module.down_shape())));
  lora.up.resize(static_cast<size_t>(count_of(lora.module.up_shape())));
  Rng rng(seed, purpose::adapter_init);
  rng.fill_normal(lora.down);
  rng.fill_normal(lora.up);
  return lora;
}

/// up * down * alpha / rank, as a matrix [out, in * kh * kw].
std::vector<double> effect(const LoadedLora& lora) {
  const auto rank = static_cast<size_t>(lora.module.rank), out = static_cast<size_t>(lora.module.weight[0]);
  const size_t in = lora.down.size() / rank;
  std::vector<double> product(out * in);
  for (size_t o = 0; o < out; ++o)
    for (size_t r = 0; r < rank; ++r)
      for (size_t i = 0; i < in; ++i)
        product[o * in + i] += static_cast<double>(lora.up[o * rank + r]) * lora.down[r * in + i] * lora.module.scale();
  return product;
}

}  // namespace

TEST_CASE("the effect of merged LoRAs is the sum of their effects times their strengths") {
  for (const Shape& weight : {Shape{5, 3}, Shape{5, 3, 1, 1}, Shape{4, 2, 3, 3}}) {
    CAPTURE(as_text(weight));
    const LoadedLora a = module_of("m", weight, 2, 1, 1), b = module_of("m", weight, 3, 4.5, 2);
    const auto merged = merge_loras(std::vector<WeightedLora>{{{a}, 0.7}, {{b}, -1.25}});
    REQUIRE(merged.size() == 1);
    CHECK(merged[0].module.rank == 5);
    CHECK(merged[0].module.alpha == 5);
    CHECK(merged[0].down.size() == static_cast<size_t>(count_of(merged[0].module.down_shape())));
    CHECK(merged[0].up.size() == static_cast<size_t>(count_of(merged[0].module.up_shape())));
    const std::vector<double> sum = effect(merged[0]), of_a = effect(a), of_b = effect(b);
    for (size_t i = 0; i < sum.size(); ++i)
      CHECK(sum[i] == doctest::Approx(0.7 * of_a[i] - 1.25 * of_b[i]).epsilon(1e-5));
  }
}

TEST_CASE("modules that only one LoRA has keep its effect, and strength 0 leaves a LoRA out") {
  const LoadedLora a = module_of("a", {4, 3}, 2, 1, 1), b = module_of("b", {4, 3}, 1, 1, 2);
  const auto merged = merge_loras(std::vector<WeightedLora>{{{b}, 1}, {{a}, 0}, {{a}, 2}});
  REQUIRE(merged.size() == 2);
  CHECK(merged[0].module.key == "b");
  CHECK(merged[0].down == b.down);
  CHECK(merged[0].up == b.up);
  CHECK(effect(merged[1])[5] == doctest::Approx(2 * effect(a)[5]).epsilon(1e-5));
  CHECK(merge_loras(std::vector<WeightedLora>{{{a, b}, 0}}).empty());
}

TEST_CASE("LoRAs for different models cannot be merged") {
  CHECK_THROWS_AS(merge_loras(std::vector<WeightedLora>{{{module_of("m", {4, 3}, 2, 1, 1)}, 1},
                                                        {{module_of("m", {4, 5}, 2, 1, 1)}, 1}}),
                  Error);
}
