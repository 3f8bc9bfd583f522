#include "graph/passes/fuse_residual.h"

#include <iterator>

#include "graph/op.h"
#include "graph/ops/ops.h"

namespace rankine {
namespace {

/// The index of an op's residual input; -1 for ops without one.
int residual_input(const Node& node) {
  if (&node.op() == &linear_op || &node.op() == &conv2d_op) return linear_residual;
  if (&node.op() == &lora_linear_op || &node.op() == &lora_linear_grad_x_op) return lora_linear_residual;
  if (&node.op() == &linear_grad_x_op || &node.op() == &conv2d_grad_x_op) return linear_grad_x_residual;
  return -1;
}

/// True for a product with one reader and without a residual.
bool can_take_residual(Graph& graph, Value product) {
  for (const auto& [name, value] : graph.outputs())
    if (value == product) return false;
  const int residual = residual_input(product.node());
  return residual >= 0 && !product.node().input(residual) && product.node().users().size() == 1;
}

/// The product behind `value`, through views with one reader.
Value behind_view(Value value) {
  while (value.node().op().view && value.node().users().size() == 1) value = value.node().input(0);
  return value;
}

}  // namespace

void fuse_residual(Graph& graph) {
  for (auto it = graph.nodes().begin(); it != graph.nodes().end();) {
    Node& node = *it++;
    if (&node.op() != &add_op || node.input(0).type() != node.input(1).type()) continue;
    for (const int side : {1, 0}) {
      const Value whole = node.input(side), product = behind_view(whole);
      Value addend = node.input(1 - side);
      const bool viewed = whole.shape() != product.shape();
      if (!can_take_residual(graph, product)) continue;
      // Moves the product, and the views after it, down to the sum, so that the addend comes before it.
      graph.set_cursor(&node);
      graph.set_scope(product.node().scope());
      graph.set_backward(product.node().backward());
      if (viewed) addend = reshape(addend, product.shape());
      Node& f = product.node();
      graph.move_before(f, node);
      f.set_input(residual_input(f), addend);
      const Value sum = viewed ? reshape(product, node.type().shape) : product;
      graph.replace(node.output(), sum, viewed ? &sum.node() : nullptr);
      graph.erase(node);
      for (Value view = whole; view != product && view.node().users().empty();) {
        const Value behind = view.node().input(0);
        graph.erase(view.node());
        view = behind;
      }
      break;
    }
  }
  graph.set_cursor(nullptr);
  graph.set_backward(false);
  graph.set_scope("");
}

}  // namespace rankine
