#include "network/lora.h"

#include <unordered_map>

#include "graph/op.h"
#include "graph/ops/ops.h"

namespace rankine {

namespace {

/// All that dropout does to the module's inner tensor, low: [N, ..., rank] -> the same. A module that is left out has a
/// low of zeros: its update is 0, and so are both gradients. `module` counts from 0: each has streams of its own.
Value drop(Value low, const AdapterDropout& chances, size_t module) {
  if (!chances.any()) return low;
  const Value key = low.graph().input("dropout_key", {{4}, DType::i32});
  const auto stream = static_cast<uint32_t>(3 * module);
  Shape per_rank(low.shape().size(), 1);
  const Shape one = per_rank;
  per_rank.front() = low.shape().front();
  per_rank.back() = low.shape().back();
  if (chances.network > 0) low = dropout(low, key, {chances.network, 1 / (1 - chances.network), low.shape(), stream});
  if (chances.rank > 0) low = dropout(low, key, {chances.rank, 1 / (1 - chances.rank), per_rank, stream + 1});
  if (chances.module > 0) low = dropout(low, key, {chances.module, 1, one, stream + 2});
  return low;
}

}  // namespace

std::vector<LoraWeights> attach_lora(Graph& graph, std::span<const AdaptedLayer> modules,
                                     const AdapterDropout& dropout) {
  std::unordered_map<std::string_view, const AdaptedLayer*> by_path;
  for (const AdaptedLayer& module : modules) by_path.emplace(module.path, &module);

  std::vector<LoraWeights> attached;
  const std::string scope = graph.scope();
  for (auto it = graph.nodes().begin(); it != graph.nodes().end();) {
    Node& node = *it++;  // what is inserted below stands before the next node and is not visited
    if (&node.op() != &linear_op && &node.op() != &conv2d_op) continue;
    const auto found = by_path.find(node.scope());
    if (found == by_path.end()) continue;
    const AdaptedLayer& module = *found->second;
    const Value x = node.input(0), y = node.output();
    check(node.input(1).shape() == module.weight, "LoRA module ", module.key, " is for a weight ",
          as_text(module.weight), ", the model's is ", as_text(node.input(1).shape()));

    graph.set_cursor(it == graph.nodes().end() ? nullptr : &*it);
    graph.set_scope(node.scope());
    const Value down = graph.variable(module.key + ".lora_down.weight", {module.down_shape(), DType::f32});
    const Value up = graph.variable(module.key + ".lora_up.weight", {module.up_shape(), DType::f32});
    const Value a = cast(down, x.dtype()), b = cast(scale(up, module.scale()), x.dtype());
    const bool conv = &node.op() == &conv2d_op;
    const Value down_x = conv ? conv2d(x, a, {}, Conv2dGeometry::of(node.attributes())) : linear(x, a);
    const Value low = drop(down_x, dropout, static_cast<size_t>(&module - modules.data()));
    const Value delta = conv ? conv2d(low, b, {}, {}) : linear(low, b);
    const Value sum = add(y, delta);
    graph.replace(y, sum, /*except=*/&sum.node());
    attached.push_back({&module, down, up});
  }
  graph.set_cursor(nullptr);
  graph.set_scope(scope);
  return attached;
}

}  // namespace rankine
