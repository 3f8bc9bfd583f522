#include "graph/passes/recompute.h"

#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "graph/op.h"
#include "graph/ops/ops.h"

namespace rankine {

std::string_view block_of(std::string_view scope) {
  for (const std::string_view kind : {".resnets.", ".attentions.", ".layers."}) {
    const size_t at = scope.find(kind);
    if (at == std::string_view::npos) continue;
    size_t end = at + kind.size();
    while (end < scope.size() && scope[end] >= '0' && scope[end] <= '9') ++end;
    return scope.substr(0, end);
  }
  return {};
}

namespace {

/// One block's forward nodes in order.
struct Block {
  std::vector<Node*> nodes;
};

/// Computes a block's inner values again before the node that first needs one.
class Recomputation {
 public:
  Recomputation(Graph& graph, const Block& block) : graph_(graph) {
    for (const Node* node : block.nodes) inside_.insert(node);
  }

  /// Inner: made in the block and read by no forward node outside of it, so that nothing else keeps it.
  bool inner(Value value) const {
    if (!inside_.contains(&value.node())) return false;
    for (const auto& [name, output] : graph_.outputs())
      if (output == value) return false;
    for (const Node* user : value.node().users()) {
      if (user->backward() || inside_.contains(user)) continue;
      for (const Value& input : user->inputs())
        if (input == value) return false;
    }
    return true;
  }

  Value again(Value value, Node& before) {
    if (!inner(value)) return value;
    Node& node = value.node();
    if (const auto known = copies_.find(&node); known != copies_.end()) return {known->second, value.index()};
    std::vector<Value> inputs;
    for (const Value& input : node.inputs()) inputs.push_back(input ? again(input, before) : Value{});
    graph_.set_cursor(&before);
    graph_.set_scope(node.scope());
    graph_.set_backward(true);
    const Value copy = graph_.add(node.op(), std::move(inputs), node.attributes());
    copies_.emplace(&node, &copy.node());
    return {&copy.node(), value.index()};
  }

 private:
  Graph& graph_;
  std::unordered_set<const Node*> inside_;
  std::unordered_map<const Node*, Node*> copies_;
};

}  // namespace

void recompute(Graph& graph, const std::function<bool(std::string_view block)>& chosen) {
  std::unordered_map<std::string_view, Block> blocks;
  std::vector<Node*> backward;
  for (Node& node : graph.nodes()) {
    if (node.backward()) {
      backward.push_back(&node);
    } else if (!is_leaf(node) && !node.op().effect) {
      const std::string_view name = block_of(node.scope());
      if (!name.empty() && chosen(name)) blocks[name].nodes.push_back(&node);
    }
  }
  std::unordered_map<std::string_view, Recomputation> running;
  for (Node* node : backward) {
    for (int i = 0; i < static_cast<int>(node->inputs().size()); ++i) {
      const Value input = node->input(i);
      if (!input || input.node().backward()) continue;
      const auto block = blocks.find(block_of(input.node().scope()));
      if (block == blocks.end()) continue;
      const auto [state, added] = running.try_emplace(block->first, graph, block->second);
      const Value copy = state->second.again(input, *node);
      if (copy != input) node->set_input(i, copy);
    }
  }
  graph.set_cursor(nullptr);
  graph.set_scope("");
  graph.set_backward(false);
}

}  // namespace rankine
