#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "graph/graph.h"

namespace rankine {

/// Gradient checkpointing (Chen et al. 2016, arXiv:1604.06174) as a rewrite: what the backward pass needs from inside a
/// block (one residual block, one transformer, one text layer) is computed again from the block's inputs just before
/// its first use, so only values that pass between blocks are kept. The same operations, hence the same gradients.
/// Runs last of the rewrites: merging equal nodes would undo it. Only blocks that `chosen` accepts are recomputed.
void recompute(Graph& graph, const std::function<bool(std::string_view block)>& chosen);

/// The block a module belongs to: "unet.down_blocks.0.resnets.1.conv1" -> "unet.down_blocks.0.resnets.1"; empty for
/// modules outside all blocks.
std::string_view block_of(std::string_view scope);

}  // namespace rankine
