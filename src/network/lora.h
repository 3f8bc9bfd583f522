#pragma once
#include <span>
#include <vector>

#include "graph/graph.h"
#include "network/lora_names.h"

namespace rankine {

/// The trained tensors of one adapted module, as variables of the graph (f32), named as in the file.
struct LoraWeights {
  const AdaptedLayer* module = nullptr;
  Value down;  ///< module->down_shape()
  Value up;    ///< module->up_shape()
};

/// What a training step leaves out of the update at random, as sd-scripts does: chances, each at least 0 and below 1.
struct AdapterDropout {
  double network = 0;  ///< of each element between the two matrices; the others grow by 1 / (1 - network)
  double rank = 0;     ///< of each rank, for each sample; the others grow by 1 / (1 - rank)
  double module = 0;   ///< of a whole module's update; the others stay as they are
  bool any() const { return network > 0 || rank > 0 || module > 0; }
};

/// Low-rank adaptation (Hu et al. 2021, arXiv:2106.09685): y <- y + (alpha / rank) * up(down(x)), for every linear and
/// conv2d node whose scope is a module's path. A rewrite of the graph: any model is adapted without knowing it.
/// Modules that the graph does not hold (text layers above the state used) are left out of the result. With dropout the
/// graph gets the input "dropout_key", i32 [4]: a RandomKey that is another one in each step.
std::vector<LoraWeights> attach_lora(Graph& graph, std::span<const AdaptedLayer> modules,
                                     const AdapterDropout& dropout = {});

}  // namespace rankine
