#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "graph/graph.h"

namespace rankine {

/// Gradient checkpointing (Chen et al. 2016, arXiv:1604.06174) as a rewrite. Of the recomputable_values, those that
/// `chosen` accepts are not kept for the backward pass; copies of their nodes compute them again just before the first
/// use there, with all dropped inputs. The operations are the same, so the gradients are too. If `chosen` accepts all,
/// only values between blocks are kept. Must run after all other rewrites: merging equal nodes would undo it.
void recompute(Graph& graph, const std::function<bool(std::string_view value)>& chosen);

/// The forward nodes that may run again, and their names: "SCOPE OP", followed by " 2", " 3" if a scope has several.
/// Each belongs to a block (one residual block, one transformer, one text layer), and no forward node outside that
/// block reads it: values between blocks are kept.
std::unordered_map<Node*, std::string> recomputable_values(Graph& graph);

/// The block of a module: "unet.down_blocks.0.resnets.1.conv1" -> "unet.down_blocks.0.resnets.1". Empty for modules
/// outside all blocks.
std::string_view block_of(std::string_view scope);

/// The node whose bytes `node` shows: `node` itself unless it is a view.
const Node& storage_of(const Node& node);
/// The nodes that read `value`, directly or through views.
std::vector<const Node*> readers_of(Value value);

}  // namespace rankine
