#pragma once
#include <span>
#include <vector>

#include "graph/graph.h"

namespace rankine {

/// Appends the backward graph of a scalar `loss` and returns the gradient of each of `wrt` ({} if the loss does not
/// depend on it). `seed` (f32 []) is the gradient of the loss itself: 1, or 1 / accumulation steps. Visits only nodes
/// on a path from `wrt` to the loss, so frozen weights cost nothing.
std::vector<Value> append_gradients(Graph& graph, Value loss, std::span<const Value> wrt, Value seed);

}  // namespace rankine
