#pragma once
#include "graph/graph.h"

namespace rankine {

/// Rewrites a + f(...) to f with the residual a, if f is a linear, a convolution or one of their input gradients and
/// only the sum reads it. The kernel adds while it writes the product, over `a` if nobody reads that later.
void fuse_residual(Graph& graph);

}  // namespace rankine
