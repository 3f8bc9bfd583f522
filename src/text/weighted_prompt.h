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

/// Splits a prompt with attention weights as AUTOMATIC1111's web UI and sd-scripts write them: `(x)` multiplies by 1.1,
/// `[x]` divides by 1.1, `(x:1.3)` multiplies by 1.3. Nested weights multiply; an open bracket reaches to the end; `\`
/// makes a bracket or backslash plain text. Joins neighbours of equal weight and returns at least one piece. Throws
/// Error for a weight that is no number, such as `(x:1.2.3)`, and for a thousand open brackets of one kind.
std::vector<WeightedText> parse_weighted_prompt(std::string_view prompt);

}  // namespace rankine
