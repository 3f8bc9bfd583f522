#pragma once
#include <list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "graph/attributes.h"
#include "graph/type.h"

namespace rankine {

class Graph;
class Node;
struct OpDef;

/// One output of one node: a cheap handle. A default-made Value means "none" (an optional input left out, a gradient
/// that does not flow).
class Value {
 public:
  Value() = default;
  Value(Node* node, int index) : node_(node), index_(index) {}

  explicit operator bool() const { return node_ != nullptr; }
  Node& node() const { return *node_; }
  int index() const { return index_; }
  Graph& graph() const;
  const Type& type() const;
  const Shape& shape() const { return type().shape; }
  DType dtype() const { return type().dtype; }
  int rank() const { return static_cast<int>(shape().size()); }
  /// Size along `axis`; negative axes count from the end.
  int64_t dim(int axis) const;

  auto operator<=>(const Value&) const = default;

 private:
  Node* node_ = nullptr;
  int index_ = 0;
};

/// One application of an op. Made by Graph::add only.
class Node {
 public:
  const OpDef& op() const { return *op_; }
  Graph& graph() const { return *graph_; }
  const std::vector<Value>& inputs() const { return inputs_; }
  Value input(int i) const { return inputs_[static_cast<size_t>(i)]; }
  int output_count() const { return static_cast<int>(types_.size()); }
  Value output(int i = 0) { return {this, i}; }
  const Type& type(int i = 0) const { return types_[static_cast<size_t>(i)]; }
  const Attributes& attributes() const { return attributes_; }
  /// The module path the node belongs to ("unet.down_blocks.0.attentions.0.proj_in"); a leaf's own name.
  const std::string& scope() const { return scope_; }
  /// True for nodes that autodiff made.
  bool backward() const { return backward_; }
  /// Nodes that read an output of this one, once for each input that does.
  const std::vector<Node*>& users() const { return users_; }
  int id() const { return id_; }

  void set_input(int i, Value value);
  void set_attribute(std::string_view name, AttributeValue value) { attributes_.set(name, std::move(value)); }

 private:
  friend class Graph;
  const OpDef* op_ = nullptr;
  Graph* graph_ = nullptr;
  std::vector<Value> inputs_;
  std::vector<Type> types_;
  Attributes attributes_;
  std::string scope_;
  bool backward_ = false;
  std::vector<Node*> users_;
  int id_ = 0;
  std::list<Node>::iterator where_;
};

/// A program over tensors: nodes in execution order, every value of fixed shape and type.
/// Leaves are inputs (given before each run), constants (frozen weights, read from a checkpoint by name) and variables
/// (state that stays between runs: trained weights, gradients, moments). Results leave through named outputs and
/// through `assign`.
class Graph {
 public:
  Graph() = default;
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  /// Appends (or inserts at the cursor) a node and gives its first output. Throws Error naming op and scope.
  Value add(const OpDef& op, std::vector<Value> inputs, Attributes attributes = {});

  /// The leaf of that name, made at the first call; a second call must agree on the type.
  Value input(std::string_view name, Type type);
  Value constant(std::string_view name, Type type);
  Value variable(std::string_view name, Type type);
  /// Frozen weights may be kept in several packed forms, or once and as they are: fewer bytes, a slower step.
  static constexpr std::string_view keep_plain = "keep_plain";
  /// After the run `variable` holds `value`.
  void assign(Value variable, Value value);
  /// `value` can be read by `name` after a run.
  void output(std::string_view name, Value value);

  const std::map<std::string, Value, std::less<>>& outputs() const { return outputs_; }
  /// Leaves of one kind (input_op, constant_op, variable_op) in order of making.
  std::vector<Value> leaves(const OpDef& kind) const;

  std::list<Node>& nodes() { return nodes_; }
  const std::list<Node>& nodes() const { return nodes_; }

  /// Every reader of `from` (and an output of that name) reads `to` instead, except the node `except`.
  void replace(Value from, Value to, const Node* except = nullptr);
  /// Removes a node nobody reads.
  void erase(Node& node);
  /// Moves `node` to just before `position` in execution order.
  void move_before(Node& node, Node& position);

  /// The scope that new nodes get, and whether they are marked as backward.
  void set_scope(std::string scope) { scope_ = std::move(scope); }
  const std::string& scope() const { return scope_; }
  void set_backward(bool backward) { backward_ = backward; }
  /// New nodes go before `node`; nullptr: at the end.
  void set_cursor(Node* node);

 private:
  Value leaf(const OpDef& kind, std::string_view name, Type type);

  std::list<Node> nodes_;
  std::list<Node>::iterator cursor_ = nodes_.end();
  std::map<std::string, Value, std::less<>> leaves_, outputs_;
  std::string scope_;
  bool backward_ = false;
  int next_id_ = 0;
};

}  // namespace rankine
