#include "graph/autodiff.h"

#include <unordered_map>
#include <unordered_set>

#include "graph/op.h"
#include "graph/ops/ops.h"

namespace rankine {
namespace {

/// Collects the gradients of each node's outputs.
class Gradients {
 public:
  void accumulate(Value of, Value dy) {
    auto& outputs = by_node_[&of.node()];
    outputs.resize(static_cast<size_t>(of.node().output_count()));
    Value& sum = outputs[static_cast<size_t>(of.index())];
    sum = sum ? add(sum, dy) : dy;
  }
  std::span<const Value> of(const Node& node) const {
    const auto found = by_node_.find(&node);
    return found == by_node_.end() ? std::span<const Value>{} : std::span<const Value>(found->second);
  }

 private:
  std::unordered_map<const Node*, std::vector<Value>> by_node_;
};

}  // namespace

std::vector<Value> append_gradients(Graph& graph, Value loss, std::span<const Value> wrt, Value seed) {
  check(loss.type() == Type{{}, DType::f32}, "the loss must be one f32 number, it is ", loss.type());
  std::unordered_set<const Node*> wanted;  // nodes whose value depends on `wrt`
  for (const Value& x : wrt) wanted.insert(&x.node());
  std::vector<Node*> path;
  for (Node& node : graph.nodes()) {
    bool depends = wanted.contains(&node);
    for (const Value& x : node.inputs()) depends = depends || (x && wanted.contains(&x.node()));
    if (!depends) continue;
    wanted.insert(&node);
    path.push_back(&node);
  }

  const std::string scope = graph.scope();
  graph.set_backward(true);
  Gradients gradients;
  gradients.accumulate(loss, seed);
  for (auto node = path.rbegin(); node != path.rend(); ++node) {
    const std::span<const Value> known = gradients.of(**node);
    bool any = false;
    for (const Value& dy : known) any = any || dy;
    if (!any || is_leaf(**node)) continue;
    graph.set_scope((*node)->scope());
    check((*node)->op().grad != nullptr, (*node)->op().name, " \"", (*node)->scope(), "\" has no gradient rule");
    const std::vector<Value> dy(known.begin(), known.end());
    const std::vector<Value> dx = (*node)->op().grad(**node, dy);
    for (size_t i = 0; i < dx.size() && i < (*node)->inputs().size(); ++i) {
      const Value x = (*node)->inputs()[i];
      if (x && dx[i] && wanted.contains(&x.node())) gradients.accumulate(x, dx[i]);
    }
  }
  graph.set_backward(false);
  graph.set_scope(scope);

  std::vector<Value> found;
  for (const Value& x : wrt) {
    const std::span<const Value> dx = gradients.of(x.node());
    found.push_back(dx.empty() ? Value{} : dx[static_cast<size_t>(x.index())]);
  }
  return found;
}

}  // namespace rankine
