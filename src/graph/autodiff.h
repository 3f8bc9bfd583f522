#pragma once
#include <span>
#include <vector>

#include "graph/graph.h"

namespace rankine {

/// Appends the backward graph of a scalar `loss` and gives its gradient with respect to each of `wrt` ({} where the
/// loss does not depend on one). `seed` (f32 []) is the gradient of the loss itself: 1, or 1 / accumulation steps.
/// Only nodes on a path from a value of `wrt` to the loss are walked, so frozen weights cost nothing.
std::vector<Value> append_gradients(Graph& graph, Value loss, std::span<const Value> wrt, Value seed);

}  // namespace rankine
