#pragma once
#include <string_view>

#include "graph/graph.h"

namespace rankine {

/// Throws Error that names `pass` unless every node reads only earlier nodes, has the types that its op infers, and the
/// lists of users match the inputs.
void verify(Graph& graph, std::string_view pass);

}  // namespace rankine
