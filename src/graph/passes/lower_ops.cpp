#include "graph/passes/lower_ops.h"

#include "graph/op.h"
#include "graph/ops/ops.h"
#include "graph/passes/simplify.h"
#include "graph/verify.h"

namespace rankine {

void lower(Graph& graph, const std::function<bool(const OpDef&)>& has_kernel) {
  std::list<Node>& nodes = graph.nodes();
  bool changed = false;
  for (auto it = nodes.begin(); it != nodes.end();) {
    Node& node = *it;
    if (is_leaf(node) || has_kernel(node.op())) {
      ++it;
      continue;
    }
    check(node.op().decompose != nullptr, "the device has no kernel for ", node.op().name, " \"", node.scope(),
          "\", and that op has no decomposition");
    const bool first = it == nodes.begin();
    const auto before = first ? it : std::prev(it);
    graph.set_cursor(&node);
    graph.set_scope(node.scope());
    graph.set_backward(node.backward());
    const std::vector<Value> outputs = node.op().decompose(node);
    check(static_cast<int>(outputs.size()) == node.output_count(), node.op().name, " has ", node.output_count(),
          " outputs, its decomposition ", outputs.size());
    for (int i = 0; i < node.output_count(); ++i) {
      const Value output = outputs[static_cast<size_t>(i)];
      check(output.type() == node.type(i), "output ", i, " of ", node.op().name, " is ", node.type(i),
            ", its decomposition gives ", output.type());
      graph.replace(node.output(i), output);
    }
    graph.set_cursor(nullptr);
    it = first ? nodes.begin() : std::next(before);  // the decomposition's first node, to be lowered itself
    if (&*it == &node) ++it;                         // every output is a value that was there before
    graph.erase(node);
    changed = true;
  }
  graph.set_scope("");
  graph.set_backward(false);
  if (!changed) return;
  simplify(graph);  // decompositions repeat constants and bias corrections
  verify(graph, "lower");
}

}  // namespace rankine
