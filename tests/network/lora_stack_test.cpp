#include "network/lora_stack.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "support/lora.h"

using namespace rankine;

namespace {

LayerWeights module_of(const std::string& key, Shape weight, int64_t rank, double alpha, uint64_t seed) {
  return test::random_lora(
      {.key = key, .path = "unet." + key, .weight = std::move(weight), .rank = rank, .alpha = alpha}, seed);
}

WeightedAdapter lora_of(std::vector<LayerWeights> layers, double strength) {
  return {{.kind = &lora_adapter, .layers = std::move(layers)}, strength};
}

/// up * down * alpha / rank, as a matrix [out, in * kh * kw].
std::vector<double> effect(const LayerWeights& lora) {
  const auto rank = static_cast<size_t>(lora.layer.rank), out = static_cast<size_t>(lora.layer.weight[0]);
  const size_t in = lora.tensors[0].size() / rank;
  std::vector<double> product(out * in);
  for (size_t o = 0; o < out; ++o)
    for (size_t r = 0; r < rank; ++r)
      for (size_t i = 0; i < in; ++i)
        product[o * in + i] +=
            static_cast<double>(lora.tensors[1][o * rank + r]) * lora.tensors[0][r * in + i] * lora.layer.scale();
  return product;
}

}  // namespace

TEST_CASE("the effect of merged LoRAs is the sum of their effects times their strengths") {
  for (const Shape& weight : {Shape{5, 3}, Shape{5, 3, 1, 1}, Shape{4, 2, 3, 3}}) {
    CAPTURE(as_text(weight));
    const LayerWeights a = module_of("m", weight, 2, 1, 1), b = module_of("m", weight, 3, 4.5, 2);
    const auto merged = stack_loras(std::vector{lora_of({a}, 0.7), lora_of({b}, -1.25)});
    REQUIRE(merged.size() == 1);
    CHECK(merged[0].layer.rank == 5);
    CHECK(merged[0].layer.alpha == 5);
    CHECK(merged[0].tensors[0].size() == static_cast<size_t>(count_of(test::down_shape(merged[0].layer))));
    CHECK(merged[0].tensors[1].size() == static_cast<size_t>(count_of(test::up_shape(merged[0].layer))));
    const std::vector<double> sum = effect(merged[0]), of_a = effect(a), of_b = effect(b);
    for (size_t i = 0; i < sum.size(); ++i)
      CHECK(sum[i] == doctest::Approx(0.7 * of_a[i] - 1.25 * of_b[i]).epsilon(1e-5));
  }
}

TEST_CASE("modules that only one LoRA has keep its effect, and strength 0 leaves a LoRA out") {
  const LayerWeights a = module_of("a", {4, 3}, 2, 1, 1), b = module_of("b", {4, 3}, 1, 1, 2);
  const auto merged = stack_loras(std::vector{lora_of({b}, 1), lora_of({a}, 0), lora_of({a}, 2)});
  REQUIRE(merged.size() == 2);
  CHECK(merged[0].layer.key == "b");
  CHECK(merged[0].tensors[0] == b.tensors[0]);
  CHECK(merged[0].tensors[1] == b.tensors[1]);
  CHECK(effect(merged[1])[5] == doctest::Approx(2 * effect(a)[5]).epsilon(1e-5));
  CHECK(stack_loras(std::vector{lora_of({a, b}, 0)}).empty());
}

TEST_CASE("LoRAs for different models cannot be merged") {
  CHECK_THROWS_AS(stack_loras(std::vector{lora_of({module_of("m", {4, 3}, 2, 1, 1)}, 1),
                                          lora_of({module_of("m", {4, 5}, 2, 1, 1)}, 1)}),
                  Error);
}
