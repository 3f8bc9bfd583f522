#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "graph/graph.h"

namespace rankine {

/// Gradient checkpointing (Chen et al. 2016, arXiv:1604.06174) as a rewrite: what `chosen` accepts of the
/// recomputable_values is not kept for the backward pass but computed again just before its first use there, with
/// whatever that needs and is not kept either. The same operations, hence the same gradients. Accepting all of them
/// keeps only what passes between blocks. Runs last of the rewrites: merging equal nodes would undo it.
void recompute(Graph& graph, const std::function<bool(std::string_view value)>& chosen);

/// The forward nodes that may run again, and their names: "SCOPE OP", with " 2", " 3" behind it where a scope has
/// several. They belong to a block (one residual block, one transformer, one text layer), and no forward node outside
/// of it reads them: what passes between blocks is kept.
std::unordered_map<Node*, std::string> recomputable_values(Graph& graph);

/// The block a module belongs to: "unet.down_blocks.0.resnets.1.conv1" -> "unet.down_blocks.0.resnets.1"; empty for
/// modules outside all blocks.
std::string_view block_of(std::string_view scope);

/// The node whose outputs `node` shows: itself, unless it is a view.
const Node& storage_of(const Node& node);
/// Nodes that read `value`, itself or through views.
std::vector<const Node*> readers_of(Value value);

}  // namespace rankine
