#pragma once
#include "graph/graph.h"

namespace rankine {

/// Equal nodes become one, and what nobody reads goes: outputs, assigns and their inputs stay.
void simplify(Graph& graph);
/// The second half alone.
void remove_dead_nodes(Graph& graph);

}  // namespace rankine
