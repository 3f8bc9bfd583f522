#include "graph/passes/fuse_activation.h"

#include "graph/op.h"
#include "graph/ops/ops.h"

namespace rankine {

void fuse_activation(Graph& graph) {
  for (auto it = graph.nodes().begin(); it != graph.nodes().end();) {
    Node& node = *it++;
    if (&node.op() != &silu_op) continue;
    Node& norm = node.input(0).node();
    if (&norm.op() != &group_norm_op || node.input(0).index() != 0 || norm.users().size() != 1) continue;
    norm.set_attribute("activation", std::string("silu"));
    graph.replace(node.output(), norm.output());
    graph.erase(node);
  }
}

}  // namespace rankine
