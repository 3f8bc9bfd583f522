#include "network/merge_loras.h"

#include <string_view>
#include <unordered_map>

#include "base/error.h"

namespace rankine {
namespace {

/// Puts `addition` behind `sum` along the rank, with its scale inside `up`.
void append(LoadedLora& sum, const LoadedLora& addition, float factor) {
  const auto outputs = static_cast<size_t>(sum.module.weight[0]);
  const auto rank = static_cast<size_t>(sum.module.rank), more = static_cast<size_t>(addition.module.rank);
  std::vector<float> up;
  up.reserve(outputs * (rank + more));
  for (size_t row = 0; row < outputs; ++row) {
    for (size_t r = 0; r < rank; ++r) up.push_back(sum.up[row * rank + r]);
    for (size_t r = 0; r < more; ++r) up.push_back(factor * addition.up[row * more + r]);
  }
  sum.up = std::move(up);
  sum.down.insert(sum.down.end(), addition.down.begin(), addition.down.end());
  sum.module.rank += addition.module.rank;
  sum.module.alpha = static_cast<double>(sum.module.rank);
}

}  // namespace

std::vector<LoadedLora> merge_loras(std::span<const WeightedLora> loras) {
  std::vector<LoadedLora> merged;
  std::unordered_map<std::string_view, size_t> places;  // views of the inputs' keys
  for (const WeightedLora& lora : loras) {
    if (lora.strength == 0) continue;
    for (const LoadedLora& addition : lora.modules) {
      const LoraModule& module = addition.module;
      const auto [place, is_new] = places.emplace(module.key, merged.size());
      if (is_new) {
        merged.push_back({.module = module, .down = {}, .up = {}});
        merged.back().module.rank = 0;
      }
      LoadedLora& sum = merged[place->second];
      check(sum.module.weight == module.weight, "LoRA module ", module.key, " is for a weight ",
            as_text(sum.module.weight), " in one file and ", as_text(module.weight), " in another");
      append(sum, addition, static_cast<float>(lora.strength * module.scale()));
    }
  }
  return merged;
}

}  // namespace rankine
