#include "network/attach_adapter.h"

#include <iterator>
#include <unordered_map>

#include "graph/op.h"
#include "graph/ops/ops.h"

namespace rankine {

std::vector<AttachedLayer> attach_adapter(Graph& graph, const AdapterKind& kind, std::span<const AdaptedLayer> layers,
                                          const AdapterDropout& dropout) {
  std::unordered_map<std::string_view, const AdaptedLayer*> by_path;
  for (const AdaptedLayer& layer : layers) by_path.emplace(layer.path, &layer);

  std::vector<AttachedLayer> attached;
  const std::string scope = graph.scope();
  for (auto it = graph.nodes().begin(); it != graph.nodes().end();) {
    const auto adapted = it++;  // new nodes are inserted before `it`, so they are not visited
    Node& node = *adapted;
    if (&node.op() != &linear_op && &node.op() != &conv2d_op) continue;
    const auto found = by_path.find(node.scope());
    if (found == by_path.end()) continue;
    const AdaptedLayer& layer = *found->second;
    const Value y = node.output();
    check(node.input(1).shape() == layer.weight, kind.name, " module ", layer.key, " is for a weight ",
          as_text(layer.weight), ", the model's is ", as_text(node.input(1).shape()));

    graph.set_cursor(it == graph.nodes().end() ? nullptr : &*it);
    graph.set_scope(node.scope());
    AttachedLayer& one = attached.emplace_back(AttachedLayer{.layer = &layer, .tensors = {}});
    for (const AdapterTensor& tensor : kind.tensors(layer))
      one.tensors.push_back(graph.variable(tensor_name(layer, tensor), {tensor.shape, DType::f32}));
    const LayerDropout of_layer{dropout, static_cast<size_t>(&layer - layers.data())};
    const Value sum = add(y, kind.apply(node, layer, one.tensors, of_layer));
    graph.replace(y, sum, /*except=*/&sum.node());
    for (auto added = std::next(adapted); added != it; ++added)  // the adapter's own nodes may read y
      for (int i = 0; i < static_cast<int>(added->inputs().size()); ++i)
        if (added->input(i) == sum) added->set_input(i, y);
  }
  graph.set_cursor(nullptr);
  graph.set_scope(scope);
  return attached;
}

}  // namespace rankine
