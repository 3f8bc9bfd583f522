#include "graph/passes/lower_pointwise.h"

#include "graph/op.h"
#include "graph/ops/ops.h"

namespace rankine {

void lower_pointwise(Graph& graph) {
  for (auto it = graph.nodes().begin(); it != graph.nodes().end();) {
    Node& node = *it++;
    if (&node.op() != &conv2d_op) continue;
    const Conv2dGeometry g = Conv2dGeometry::of(node.attributes());
    const Value w = node.input(1);
    if (w.dim(2) != 1 || w.dim(3) != 1 || g.stride != 1 || g.top || g.left || g.bottom || g.right) continue;
    graph.set_cursor(&node);
    graph.set_scope(node.scope());
    const Value flat = reshape(w, {w.dim(0), w.dim(1)});
    const Value y = graph.add(linear_op, {node.input(0), flat, node.input(2), node.input(linear_residual)});
    graph.replace(node.output(), y);
    graph.erase(node);
  }
  graph.set_cursor(nullptr);
  graph.set_scope("");
}

}  // namespace rankine
