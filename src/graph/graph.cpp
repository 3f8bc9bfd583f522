#include "graph/graph.h"

#include <algorithm>

#include "graph/op.h"
#include "graph/ops/ops.h"

namespace rankine {

Graph& Value::graph() const { return node_->graph(); }
const Type& Value::type() const { return node_->type(index_); }
int64_t Value::dim(int axis) const { return shape()[static_cast<size_t>(axis < 0 ? axis + rank() : axis)]; }

namespace {

void forget(std::vector<Node*>& users, const Node* user) {
  const auto at = std::find(users.begin(), users.end(), user);
  if (at != users.end()) users.erase(at);
}

}  // namespace

void Node::set_input(int i, Value value) {
  Value& slot = inputs_[static_cast<size_t>(i)];
  if (slot) forget(slot.node().users_, this);
  slot = value;
  if (value) value.node().users_.push_back(this);
}

Value Graph::add(const OpDef& op, std::vector<Value> inputs, Attributes attributes) {
  const auto where = nodes_.emplace(cursor_);
  Node& node = *where;
  node.op_ = &op;
  node.graph_ = this;
  node.attributes_ = std::move(attributes);
  node.scope_ = scope_;
  node.backward_ = backward_;
  node.id_ = next_id_++;
  node.where_ = where;
  node.inputs_ = std::move(inputs);
  try {
    node.types_ = op.infer(node);
  } catch (const Error& error) {
    nodes_.erase(where);
    fail(op.name, " \"", scope_, "\": ", error.what());
  }
  for (const Value& input : node.inputs_)
    if (input) input.node().users_.push_back(&node);
  return {&node, 0};
}

Value Graph::leaf(const OpDef& kind, std::string_view name, Type type) {
  if (const auto known = leaves_.find(name); known != leaves_.end()) {
    check(&known->second.node().op() == &kind && known->second.type() == type, "\"", name, "\" is a ",
          known->second.node().op().name, " ", known->second.type(), " already, it cannot be a ", kind.name, " ", type);
    return known->second;
  }
  // Leaves always come first, wherever their first reader is built.
  const auto cursor = cursor_;
  const std::string scope = std::exchange(scope_, std::string(name));
  const bool backward = std::exchange(backward_, false);
  cursor_ = nodes_.begin();
  while (cursor_ != nodes_.end() && is_leaf(*cursor_)) ++cursor_;
  const Value value = add(kind, {}, {{"dtype", static_cast<int64_t>(type.dtype)}, {"shape", type.shape}});
  cursor_ = cursor;
  scope_ = scope;
  backward_ = backward;
  leaves_.emplace(std::string(name), value);
  return value;
}

Value Graph::input(std::string_view name, Type type) { return leaf(input_op, name, std::move(type)); }
Value Graph::constant(std::string_view name, Type type) { return leaf(constant_op, name, std::move(type)); }
Value Graph::variable(std::string_view name, Type type) { return leaf(variable_op, name, std::move(type)); }
void Graph::assign(Value variable, Value value) { add(assign_op, {variable, value}); }

void Graph::output(std::string_view name, Value value) {
  check(outputs_.emplace(std::string(name), value).second, "the graph has an output \"", name, "\" already");
}

std::vector<Value> Graph::leaves(const OpDef& kind) const {
  std::vector<Value> found;
  for (const auto& [name, value] : leaves_)
    if (&value.node().op() == &kind) found.push_back(value);
  std::sort(found.begin(), found.end(), [](Value a, Value b) { return a.node().id() < b.node().id(); });
  return found;
}

void Graph::replace(Value from, Value to, const Node* except) {
  const std::vector<Node*> users = from.node().users_;  // set_input changes the list
  for (Node* user : users) {
    if (user == except) continue;
    for (int i = 0; i < static_cast<int>(user->inputs_.size()); ++i)
      if (user->input(i) == from) user->set_input(i, to);
  }
  for (auto& [name, value] : outputs_)
    if (value == from) value = to;
}

void Graph::erase(Node& node) {
  check(node.users_.empty(), "cannot erase ", node.op().name, " \"", node.scope(), "\": it is read");
  for (const Value& input : node.inputs_)
    if (input) forget(input.node().users_, &node);
  if (is_leaf(node)) leaves_.erase(node.scope_);
  if (cursor_ == node.where_) ++cursor_;
  nodes_.erase(node.where_);
}

void Graph::move_before(Node& node, Node& position) { nodes_.splice(position.where_, nodes_, node.where_); }

void Graph::set_cursor(Node* node) { cursor_ = node ? node->where_ : nodes_.end(); }

}  // namespace rankine
