#pragma once
#include "graph/graph.h"

namespace rankine {

/// a + f(...), where f is a linear, a convolution or one of their input gradients and nobody else reads it, becomes f
/// with a residual: the sum is made while the product is written, and in place where `a` ends there.
void fuse_residual(Graph& graph);

}  // namespace rankine
