#include "sample/prompt_states.h"

#include <algorithm>
#include <numeric>

namespace rankine {
namespace {

void weigh(std::span<float> states, std::span<const float> weights) {
  if (std::ranges::all_of(weights, [](float weight) { return weight == 1; })) return;
  const double before = std::accumulate(states.begin(), states.end(), 0.0);
  const size_t width = states.size() / weights.size();
  for (size_t i = 0; i < states.size(); ++i) states[i] *= weights[i / width];
  const double after = std::accumulate(states.begin(), states.end(), 0.0);
  for (float& x : states) x = static_cast<float>(x * (before / after));
}

}  // namespace

ConditionNumbers weighted_condition(const PromptTokens& tokens, std::span<const ConditionSpec> specs,
                                    const ConditionNumbers& all, size_t index) {
  const auto part = [&](std::span<const float> values) {
    const size_t size = values.size() / static_cast<size_t>(tokens.prompts);
    return values.subspan(index * size, size);
  };
  ConditionNumbers condition;
  for (size_t i = 0; i < specs.size(); ++i) {
    const std::span<const float> states = part(all[i]);
    condition.emplace_back(states.begin(), states.end());
    if (specs[i].per_token) weigh(condition.back(), part(tokens.weights));
  }
  return condition;
}

}  // namespace rankine
