#include "graph/passes/fuse_lora.h"

#include "graph/op.h"
#include "graph/ops/ops.h"

namespace rankine {
namespace {

/// The forward op and the backward op of the same rewrite.
struct Kind {
  const OpDef* product;
  int residual;
  const OpDef* fused;
};
constexpr Kind kinds[] = {{&linear_op, linear_residual, &lora_linear_op},
                          {&linear_grad_x_op, linear_grad_x_residual, &lora_linear_grad_x_op}};

bool frozen(Value w) {
  while (w.node().op().view) w = w.node().input(0);
  return &w.node().op() == &constant_op;
}

/// True for up(down(x)): the `up` product reads the `down` product of `x`.
bool is_low_path(const Kind& kind, const Node& product, Value x) {
  const Node& low = product.input(0).node();
  return &low.op() == kind.product && low.input(0) == x && !low.input(kind.residual) && !frozen(low.input(1)) &&
         !frozen(product.input(1)) && (kind.product != &linear_op || (!low.input(2) && !product.input(2)));
}

/// Moves `node` and the views that follow it.
void move_with_views(Graph& graph, Node& node, Node& position) {
  graph.move_before(node, position);
  for (Node* user : node.users())
    if (user->op().view) move_with_views(graph, *user, position);
}

/// Fuses two chained products, in either order: second = first + ..., where only `second` reads `first`.
///
///     before                                  after
///     main = linear(x, w, bias)               y, low = lora_linear(x, w, bias, down, up)
///     low  = linear(x, down)
///     y    = linear(low, up) + main           readers of y and low read these outputs
///
/// The backward graph has the same pattern with dy for x, `up` for `down`, and linear_grad_x for linear.
void fuse_chain(Graph& graph, const Kind& kind, Node& second) {
  const Value chained = second.input(kind.residual);
  if (!chained || &chained.node().op() != kind.product || chained.node().users().size() != 1) return;
  for (const auto& [name, value] : graph.outputs())
    if (value == chained) return;
  Node& first = chained.node();
  const bool second_is_low = !frozen(second.input(1));
  Node &low_product = second_is_low ? second : first, &main = second_is_low ? first : second;
  if (!frozen(main.input(1)) || !is_low_path(kind, low_product, main.input(0))) return;
  Node& low = low_product.input(0).node();

  // The fused node takes the place of the chain's end. All readers of the low product already come later, except the
  // gradient of `down`; its operands exist by then, so it can move.
  const bool forward = kind.product == &linear_op;
  std::vector<Node*> readers;
  for (Node* reader : low.users())
    if (reader != &low_product) readers.push_back(reader);
  if (!forward)
    for (const Node* reader : readers)
      if (&reader->op() != &linear_grad_w_op || reader->input(0).node().backward()) return;

  // The gradient of `down` is often the last reader of x, the layer's input. If x is wider than dy, it moves before the
  // fused node and keeps its own low product: x is then free before dx, which is as wide, is made.
  const bool apart = !forward && !readers.empty() && low.input(1).dim(0) < low_product.input(1).dim(1);

  const Value inner = low.input(1), outer = low_product.input(1);
  graph.set_cursor(&second);
  graph.set_scope(main.scope());
  graph.set_backward(second.backward());
  const Value y =
      graph.add(*kind.fused, {main.input(0), main.input(1), forward ? main.input(2) : Value{},
                              first.input(kind.residual), forward ? inner : outer, forward ? outer : inner});
  if (!apart) graph.replace(low.output(), {&y.node(), 1}, &low_product);
  if (!forward)
    for (Node* reader : readers) move_with_views(graph, *reader, apart ? y.node() : second);
  graph.replace(second.output(), y);
  graph.erase(second);
  graph.erase(first);
  if (!apart) graph.erase(low);
}

}  // namespace

void fuse_lora(Graph& graph) {
  for (auto it = graph.nodes().begin(); it != graph.nodes().end();) {
    Node& node = *it++;
    for (const Kind& kind : kinds)
      if (&node.op() == kind.product) {
        fuse_chain(graph, kind, node);
        break;
      }
  }
  graph.set_cursor(nullptr);
  graph.set_backward(false);
  graph.set_scope("");
}

}  // namespace rankine
