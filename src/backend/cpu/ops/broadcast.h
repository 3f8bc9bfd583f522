#pragma once
#include "backend/cpu/kernels/elementwise/elementwise.h"
#include "graph/graph.h"

namespace rankine::cpu {

/// A shape that broadcasts to a larger one, as one of the patterns the kernels know.
struct FoldedBroadcast {
  Broadcast kind;
  BroadcastShape shape;
};
/// Throws Error, naming `node`, for a pattern that no kernel knows.
FoldedBroadcast fold_broadcast(const Node& node, const Shape& large, const Shape& small);

}  // namespace rankine::cpu
