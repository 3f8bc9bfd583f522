#pragma once
#include <span>
#include <vector>

#include "network/adapter.h"

namespace rankine {

/// The trained tensors of one adapted layer as variables of the graph (f32), named as in the file.
struct AttachedLayer {
  const AdaptedLayer* layer = nullptr;
  std::vector<Value> tensors;  ///< in the order of AdapterKind::tensors
};

/// Adapts a model without its knowledge: rewrites every linear and conv2d node whose scope is a layer's path, so that
/// all readers of its output y read y + kind.apply(...) instead. Layers that the graph does not hold (text layers above
/// the state used) are left out of the result. With dropout the graph gets the input kDropoutKey.
std::vector<AttachedLayer> attach_adapter(Graph& graph, const AdapterKind& kind, std::span<const AdaptedLayer> layers,
                                          const AdapterDropout& dropout = {});

}  // namespace rankine
