#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace rankine {

struct WeightedText {
  std::string text;
  double weight = 1;
  bool operator==(const WeightedText&) const = default;
};

/// Splits a prompt with attention weights, as AUTOMATIC1111's web UI and sd-scripts write them: `(x)` times 1.1, `[x]`
/// divided by 1.1, `(x:1.3)` times 1.3; nested ones multiply, a bracket left open reaches to the end, `\` takes a
/// bracket's or backslash's meaning away. Neighbours of equal weight are joined; at least one piece comes back. Throws
/// Error for a weight that is no number, such as `(x:1.2.3)`, and where a thousand brackets of a kind are open at once.
std::vector<WeightedText> parse_weighted_prompt(std::string_view prompt);

}  // namespace rankine
