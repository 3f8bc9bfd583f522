#pragma once
#include "graph/graph.h"

namespace rankine {
struct Target;
}

namespace rankine::cpu {

/// The pass that marks the weights that the target's memory choice keeps plain.
void mark_plain_weights(Graph& graph, const Target& target);

}  // namespace rankine::cpu
