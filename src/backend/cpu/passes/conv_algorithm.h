#pragma once
#include "graph/graph.h"

namespace rankine {
struct Target;
}

namespace rankine::cpu {

/// The pass that decides which 3x3 convolutions are Winograd's, F(2x2, 3x3), and marks those nodes. This is the only
/// place of that rule: the memory solver and the kernels ask uses_winograd. The target asks for "winograd" (wherever it
/// is possible), "auto" (where it should be faster on this processor) or "direct" (nowhere).
void choose_conv_algorithm(Graph& graph, const Target& target);

/// True if the pass chose Winograd's algorithm for this node.
bool uses_winograd(const Node& node);

}  // namespace rankine::cpu
