#include "network/lora_stack.h"

#include <string_view>
#include <unordered_map>

#include "base/error.h"

namespace rankine {
namespace {

/// Appends `addition` to `sum` along the rank, with its scale inside `up`.
void append(LayerWeights& sum, const LayerWeights& addition, float factor) {
  const auto outputs = static_cast<size_t>(sum.layer.weight[0]);
  const auto rank = static_cast<size_t>(sum.layer.rank), more = static_cast<size_t>(addition.layer.rank);
  std::vector<float>&down = sum.tensors[0], &up = sum.tensors[1];
  std::vector<float> wider;
  wider.reserve(outputs * (rank + more));
  for (size_t row = 0; row < outputs; ++row) {
    for (size_t r = 0; r < rank; ++r) wider.push_back(up[row * rank + r]);
    for (size_t r = 0; r < more; ++r) wider.push_back(factor * addition.tensors[1][row * more + r]);
  }
  up = std::move(wider);
  down.insert(down.end(), addition.tensors[0].begin(), addition.tensors[0].end());
  sum.layer.rank += addition.layer.rank;
  sum.layer.alpha = static_cast<double>(sum.layer.rank);
}

}  // namespace

std::vector<LayerWeights> stack_loras(std::span<const WeightedAdapter> loras) {
  std::vector<LayerWeights> sums;
  std::unordered_map<std::string_view, size_t> places;  // views of the inputs' keys
  for (const WeightedAdapter& lora : loras) {
    if (lora.strength == 0) continue;
    for (const LayerWeights& addition : lora.weights.layers) {
      const AdaptedLayer& layer = addition.layer;
      const auto [place, is_new] = places.emplace(layer.key, sums.size());
      if (is_new) {
        sums.push_back({.layer = layer, .tensors = std::vector<std::vector<float>>(2)});
        sums.back().layer.rank = 0;
      }
      LayerWeights& sum = sums[place->second];
      check(sum.layer.weight == layer.weight, "LoRA module ", layer.key, " is for a weight ", as_text(sum.layer.weight),
            " in one file and ", as_text(layer.weight), " in another");
      append(sum, addition, static_cast<float>(lora.strength * layer.scale()));
    }
  }
  return sums;
}

}  // namespace rankine
