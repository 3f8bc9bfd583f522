#pragma once
#include "graph/graph.h"

namespace rankine {

/// Merges equal nodes and removes nodes without readers. Outputs, assigns and their inputs stay.
void simplify(Graph& graph);
/// Removes nodes without readers.
void remove_dead_nodes(Graph& graph);

}  // namespace rankine
