#pragma once
#include "graph/graph.h"

namespace rankine {

/// A 1x1 convolution without stride or padding is a linear layer over pixels: rewritten as one, so that everything done
/// for linear layers serves it too.
void lower_pointwise(Graph& graph);

}  // namespace rankine
