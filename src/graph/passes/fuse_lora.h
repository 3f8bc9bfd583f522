#pragma once
#include "graph/graph.h"

namespace rankine {

/// A frozen linear layer and the low-rank path beside it become one lora_linear; in the backward graph the gradient of
/// their input becomes one lora_linear_grad_x. Runs after fuse_residual, which has made the two a chain. Layers whose
/// low product goes through anything else (dropout) stay as they are.
void fuse_lora(Graph& graph);

}  // namespace rankine
