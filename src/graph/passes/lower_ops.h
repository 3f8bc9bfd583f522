#pragma once
#include <functional>

#include "graph/graph.h"

namespace rankine {

struct OpDef;

/// Replaces every node whose op `has_kernel` denies by its decomposition (OpDef::decompose), and the nodes of that
/// decomposition likewise. A device with kernels for the elementary ops then runs every op. Throws Error for an op that
/// has neither a kernel nor a decomposition.
void lower(Graph& graph, const std::function<bool(const OpDef&)>& has_kernel);

}  // namespace rankine
