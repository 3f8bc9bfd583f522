#pragma once
#include "graph/graph.h"

namespace rankine {

/// Rewrites silu(group_norm(x)) to one group_norm with an activation. This reads and writes memory once, and the
/// normalised picture is never stored; the backward pass computes it again from x. Runs before autodiff.
void fuse_activation(Graph& graph);

}  // namespace rankine
