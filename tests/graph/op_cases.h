#pragma once
#include <string>
#include <vector>

#include "graph/ops/ops.h"

/// One table of op cases feeds several checks: gradient rules against differences, and every backend and type against
/// the reference. Sizes are odd and unequal, which catches swapped axes.
struct OpCase {
  std::string name;
  /// The output that is checked. Activations and weights are cast to the given type, inputs stay f32.
  rankine::Value (*build)(rankine::Graph&, rankine::DType);
  bool differentiable = true;
};
const std::vector<OpCase>& op_cases();
