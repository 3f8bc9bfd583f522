#pragma once
#include "graph/graph.h"

namespace rankine {

/// silu(group_norm(x)) becomes one group_norm with an activation: one pass over memory, and the normalised picture is
/// never stored; its backward computes it again from x. Runs before autodiff.
void fuse_activation(Graph& graph);

}  // namespace rankine
