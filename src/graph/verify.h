#pragma once
#include <string_view>

#include "graph/graph.h"

namespace rankine {

/// Throws Error, naming `pass`, unless every node reads only nodes before it, its types are what its op infers, and the
/// lists of users agree with the inputs.
void verify(Graph& graph, std::string_view pass);

}  // namespace rankine
