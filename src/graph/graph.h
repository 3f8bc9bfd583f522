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

/// One output of one node: a cheap handle. A default-constructed Value means "none": an optional input that is absent,
/// or a gradient that does not flow.
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
  /// The size along `axis`; a negative axis counts from the end.
  int64_t dim(int axis) const;

  auto operator<=>(const Value&) const = default;

 private:
  Node* node_ = nullptr;
  int index_ = 0;
};

/// One use of an op. Only Graph::add makes nodes.
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
  /// The path of the node's module ("unet.down_blocks.0.attentions.0.proj_in"); for a leaf its own name.
  const std::string& scope() const { return scope_; }
  /// True for nodes that autodiff added.
  bool backward() const { return backward_; }
  /// The nodes that read an output of this one, once per input that reads it.
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

/// A program over tensors: nodes in execution order; every value has a fixed shape and type. Leaves are inputs
/// (set before each run), constants (frozen weights, read from a checkpoint by name) and variables (state
/// between runs: trained weights, gradients, moments). Results leave through named outputs and through
/// `assign`.
class Graph {
 public:
  Graph() = default;
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  /// Appends a node, or inserts it at the cursor, and returns its first output. Throws Error that names op and scope.
  Value add(const OpDef& op, std::vector<Value> inputs, Attributes attributes = {});

  /// Returns the leaf of that name; the first call makes it. Throws Error if a later call has another type.
  Value input(std::string_view name, Type type);
  Value constant(std::string_view name, Type type);
  Value variable(std::string_view name, Type type);
  /// Attribute of a constant: keep one plain copy, no packed forms. It takes fewer bytes and makes a slower step.
  static constexpr std::string_view keep_plain = "keep_plain";
  /// Attribute of a constant: the DType in which a mapped file holds its numbers, as an integer.
  static constexpr std::string_view in_file = "in_file";
  /// Attribute of a constant with `in_file`: keep no copy; each run converts the numbers in the file as it reads them.
  static constexpr std::string_view keep_in_file = "keep_in_file";
  /// Lets `variable` hold `value` after the run.
  void assign(Value variable, Value value);
  /// Makes `value` readable by `name` after a run.
  void output(std::string_view name, Value value);

  const std::map<std::string, Value, std::less<>>& outputs() const { return outputs_; }
  /// The leaves of one kind (input_op, constant_op, variable_op) in the order of their creation.
  std::vector<Value> leaves(const OpDef& kind) const;

  std::list<Node>& nodes() { return nodes_; }
  const std::list<Node>& nodes() const { return nodes_; }

  /// Makes every reader of `from`, and an output of that value, read `to` instead; `except` keeps reading `from`.
  void replace(Value from, Value to, const Node* except = nullptr);
  /// Removes a node without readers.
  void erase(Node& node);
  /// Moves `node` to just before `position` in execution order.
  void move_before(Node& node, Node& position);

  /// Sets the scope of new nodes, and their backward mark.
  void set_scope(std::string scope) { scope_ = std::move(scope); }
  const std::string& scope() const { return scope_; }
  void set_backward(bool backward) { backward_ = backward; }
  /// Inserts new nodes before `node`; nullptr appends them at the end.
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
