#include "network/merge_loras.h"

#include <algorithm>
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
      const AdaptedLayer& module = addition.module;
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

void add_update(const LoadedLora& lora, std::span<float> weight) {
  const AdaptedLayer& module = lora.module;
  check(static_cast<int64_t>(weight.size()) == count_of(module.weight), "LoRA module ", module.key, " is for a weight ",
        as_text(module.weight), ", it was given ", weight.size(), " values");
  const int64_t outputs = module.weight[0], rank = module.rank, inputs = module.fan_in();
  const auto scale = static_cast<float>(module.scale());
#pragma omp parallel
  {
    std::vector<float> update(static_cast<size_t>(inputs));  // of one row
#pragma omp for
    for (int64_t o = 0; o < outputs; ++o) {
      std::fill(update.begin(), update.end(), 0.0f);
      for (int64_t r = 0; r < rank; ++r) {
        const float up = lora.up[static_cast<size_t>(o * rank + r)];
        const float* down = lora.down.data() + r * inputs;
        for (int64_t i = 0; i < inputs; ++i) update[static_cast<size_t>(i)] += up * down[i];
      }
      float* row = weight.data() + o * inputs;
      for (int64_t i = 0; i < inputs; ++i) row[i] += scale * update[static_cast<size_t>(i)];
    }
  }
}

}  // namespace rankine
