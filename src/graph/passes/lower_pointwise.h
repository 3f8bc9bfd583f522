#pragma once
#include "graph/graph.h"

namespace rankine {

/// Rewrites a 1x1 convolution without stride or padding as a linear layer over pixels, so that every rewrite of linear
/// layers applies to it.
void lower_pointwise(Graph& graph);

}  // namespace rankine
