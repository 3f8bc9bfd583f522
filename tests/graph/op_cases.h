#pragma once
#include <string>
#include <vector>

#include "graph/ops/ops.h"

/// One table of op cases feeds several checks: gradient rules against differences, and every backend and type against
/// the reference. Sizes are odd and unequal, which catches swapped axes.
struct OpCase {
  std::string name;
  rankine::Value (*build)(rankine::Graph&);  // the output that is checked
  bool differentiable = true;
};
const std::vector<OpCase>& op_cases();
