#pragma once
#include "graph/graph.h"

namespace rankine {

/// Joins a frozen linear layer and its low-rank path to one lora_linear. In the backward graph the gradient of their
/// input becomes one lora_linear_grad_x. Runs after fuse_residual, which chains the two products. Skips layers whose
/// low product passes through another op (dropout).
void fuse_lora(Graph& graph);

}  // namespace rankine
