#include "graph/passes/simplify.h"

#include <unordered_map>
#include <unordered_set>

#include "graph/op.h"
#include "graph/ops/ops.h"

namespace rankine {
namespace {

size_t hash_of(const Node& node) {
  size_t h = std::hash<const void*>{}(&node.op());
  for (const Value& input : node.inputs())
    h = h * 1000003u + (input ? static_cast<size_t>(input.node().id()) * 8u + static_cast<size_t>(input.index()) : 7u);
  return h;
}

void merge_equal_nodes(Graph& graph) {
  std::unordered_multimap<size_t, Node*> known;
  for (Node& node : graph.nodes()) {
    if (is_leaf(node) || node.op().effect) continue;
    const size_t h = hash_of(node);
    bool merged = false;
    const auto [begin, end] = known.equal_range(h);
    for (auto it = begin; it != end && !merged; ++it) {
      Node& other = *it->second;
      if (&other.op() != &node.op() || other.inputs() != node.inputs() || other.attributes() != node.attributes())
        continue;
      for (int i = 0; i < node.output_count(); ++i) graph.replace(node.output(i), other.output(i));
      merged = true;
    }
    if (!merged) known.emplace(h, &node);
  }
}

}  // namespace

void remove_dead_nodes(Graph& graph) {
  std::unordered_set<const Node*> kept;
  for (const auto& [name, value] : graph.outputs()) kept.insert(&value.node());
  for (auto it = graph.nodes().end(); it != graph.nodes().begin();) {
    Node& node = *--it;
    if (!node.users().empty() || node.op().effect || kept.contains(&node)) continue;
    ++it;
    graph.erase(node);
  }
}

void simplify(Graph& graph) {
  merge_equal_nodes(graph);
  remove_dead_nodes(graph);
}

}  // namespace rankine
