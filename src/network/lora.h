#pragma once
#include <span>
#include <vector>

#include "graph/graph.h"
#include "network/lora_names.h"

namespace rankine {

/// The trained tensors of one adapted module, as variables of the graph (f32), named as in the file.
struct LoraWeights {
  const LoraModule* module = nullptr;
  Value down;  ///< module->down_shape()
  Value up;    ///< module->up_shape()
};

/// Low-rank adaptation (Hu et al. 2021, arXiv:2106.09685): y <- y + (alpha / rank) * up(down(x)), for every linear and
/// conv2d node whose scope is a module's path. A rewrite of the graph: any model is adapted without knowing it.
/// Modules that the graph does not hold (text layers above the state used) are left out of the result.
std::vector<LoraWeights> attach_lora(Graph& graph, std::span<const LoraModule> modules);

}  // namespace rankine
