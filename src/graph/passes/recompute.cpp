#include "graph/passes/recompute.h"

#include <algorithm>
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

const Node& storage_of(const Node& node) {
  const Node* shown = &node;
  while (shown->op().view) shown = &shown->input(0).node();
  return *shown;
}

std::vector<const Node*> readers_of(Value value) {
  std::vector<const Node*> readers;
  for (Node* user : value.node().users()) {
    if (std::ranges::find(user->inputs(), value) == user->inputs().end()) continue;
    if (user->op().view) {
      const std::vector<const Node*> behind = readers_of(user->output());
      readers.insert(readers.end(), behind.begin(), behind.end());
    } else {
      readers.push_back(user);
    }
  }
  return readers;
}

namespace {

template <class Is>
bool any_reader(Node& node, Is is) {
  for (int i = 0; i < node.output_count(); ++i)
    if (std::ranges::any_of(readers_of(node.output(i)), is)) return true;
  return false;
}

}  // namespace

std::unordered_map<Node*, std::string> recomputable_values(Graph& graph) {
  std::unordered_set<const Node*> outputs;
  for (const auto& [name, value] : graph.outputs()) outputs.insert(&storage_of(value.node()));
  std::unordered_map<Node*, std::string> names;
  std::unordered_map<std::string, int> times;
  for (Node& node : graph.nodes()) {
    if (node.backward() || is_leaf(node) || node.op().view || node.op().effect) continue;
    const std::string_view block = block_of(node.scope());
    if (block.empty()) continue;
    std::string name = node.scope() + " " + std::string(node.op().name);
    if (const int time = ++times[name]; time > 1) name += " " + std::to_string(time);
    const auto outside = [&](const Node* reader) { return !reader->backward() && block_of(reader->scope()) != block; };
    if (!outputs.contains(&node) && !any_reader(node, outside)) names.emplace(&node, std::move(name));
  }
  return names;
}

namespace {

/// Inserts copies of forward nodes.
class Recomputation {
 public:
  Recomputation(Graph& graph, const std::function<bool(std::string_view value)>& chosen) : graph_(graph) {
    for (const auto& [node, name] : recomputable_values(graph)) {
      const auto is_saved = [](const Node* reader) { return reader->backward(); };
      if (chosen(name) || !any_reader(*node, is_saved)) not_kept_.insert(node);
    }
  }

  /// Returns `value` itself if it is kept, else its copy. The first call makes the copy before the node `before`.
  Value again(Value value, Node& before) {
    Node& node = value.node();
    if (node.backward() || !not_kept_.contains(&storage_of(node))) return value;
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
  std::unordered_set<const Node*> not_kept_;
  std::unordered_map<const Node*, Node*> copies_;
};

}  // namespace

void recompute(Graph& graph, const std::function<bool(std::string_view value)>& chosen) {
  Recomputation recomputation(graph, chosen);
  std::vector<Node*> backward;
  for (Node& node : graph.nodes())
    if (node.backward()) backward.push_back(&node);
  for (Node* node : backward)
    for (int i = 0; i < static_cast<int>(node->inputs().size()); ++i) {
      const Value input = node->input(i);
      if (!input) continue;
      const Value copy = recomputation.again(input, *node);
      if (copy != input) node->set_input(i, copy);
    }
  graph.set_cursor(nullptr);
  graph.set_scope("");
  graph.set_backward(false);
}

}  // namespace rankine
