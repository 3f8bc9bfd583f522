#include "step/merged_constants.h"

#include <doctest/doctest.h>

#include <cmath>

#include "support/lora.h"

using namespace rankine;

namespace {

/// Every tensor of the same small numbers.
class Base : public ConstantSource {
 public:
  void read(std::string_view, const Shape&, std::span<float> out) override {
    for (size_t i = 0; i < out.size(); ++i) out[i] = 0.01f * static_cast<float>(i % 17);
  }
  void release(std::string_view name) override { released.emplace_back(name); }
  std::vector<std::string> released;
};

LayerWeights layer_of(const std::string& name, Shape weight, int64_t rank, uint64_t seed) {
  return test::random_lora({.key = name, .path = "unet." + name, .weight = std::move(weight), .rank = rank, .alpha = 3},
                           seed);
}

WeightedAdapter lora_of(std::vector<LayerWeights> layers, double strength) {
  return {{.kind = &lora_adapter, .layers = std::move(layers)}, strength};
}

std::vector<float> read(ConstantSource& source, const std::string& name, const Shape& shape) {
  std::vector<float> values(static_cast<size_t>(count_of(shape)));
  source.read(name, shape, values);
  return values;
}

}  // namespace

TEST_CASE("a merged weight is the base's plus each update times its multiplier, 3x3 kernels too") {
  const Shape linear = {6, 5}, pointwise = {6, 5, 1, 1}, conv = {7, 4, 3, 3};
  const std::vector<WeightedAdapter> loras = {
      lora_of({layer_of("a", linear, 2, 1), layer_of("c", conv, 3, 2)}, 0.5),
      lora_of({layer_of("a", linear, 4, 3), layer_of("p", pointwise, 2, 4)}, -2),
      lora_of({layer_of("a", linear, 4, 5), layer_of("b", linear, 4, 6)}, 0),
  };
  Base base;
  MergedConstants merged(base, loras);
  CHECK(merged.layers() == 3);
  for (const auto& [name, shape] : {std::pair{"a", linear}, {"p", pointwise}, {"c", conv}}) {
    CAPTURE(name);
    const std::string weight = std::string("unet.") + name + ".weight";
    const std::vector<float> got = read(merged, weight, shape), plain = read(base, weight, shape);
    std::vector<double> expected(plain.begin(), plain.end());
    for (const WeightedAdapter& lora : loras)
      for (const LayerWeights& m : lora.weights.layers) {
        if (m.layer.key != name) continue;
        const auto inputs = static_cast<size_t>(m.layer.fan_in()), rank = static_cast<size_t>(m.layer.rank);
        for (size_t i = 0; i < expected.size(); ++i)
          for (size_t r = 0; r < rank; ++r)
            expected[i] += lora.strength * 3.0 / static_cast<double>(rank) *
                           static_cast<double>(m.tensors[1][i / inputs * rank + r]) *
                           m.tensors[0][r * inputs + i % inputs];
      }
    double most = 0;
    for (size_t i = 0; i < got.size(); ++i) most = std::max(most, std::abs(got[i] - expected[i]));
    CHECK(most < 1e-5);
    CHECK(got != plain);
  }
}

TEST_CASE("other weights are the base's to the bit, and letting go is passed on") {
  Base base;
  MergedConstants merged(base, {lora_of({layer_of("a", {6, 5}, 2, 1)}, 1)});
  CHECK(read(merged, "unet.b.weight", {6, 5}) == read(base, "unet.b.weight", {6, 5}));
  CHECK(read(merged, "unet.a.bias", {6}) == read(base, "unet.a.bias", {6}));
  merged.release("unet.a.weight");
  CHECK(base.released == std::vector<std::string>{"unet.a.weight"});
  MergedConstants none(base, {});
  CHECK(read(none, "unet.a.weight", {6, 5}) == read(base, "unet.a.weight", {6, 5}));
}

TEST_CASE("the text that tells runs apart holds the files' contents and strengths") {
  CHECK(base_weights_text({}) == "None");
}
