#include "graph/memory/plan.h"

#include <algorithm>
#include <numeric>

#include "graph/op.h"
#include "graph/ops/ops.h"

namespace rankine {
namespace {

constexpr size_t kAlignment = 64;  // a cache line, and the widest vector
size_t aligned(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

/// Values that share one place: alive from node `first` to node `last` (positions in execution order).
struct Buffer {
  size_t bytes = 0;
  int first = 0, last = 0;
  const Node* leaf = nullptr;  // a variable or constant outside the arena
  size_t offset = 0;
};

class Planner {
 public:
  explicit Planner(Graph& graph) : graph_(graph) {
    for (const Node& node : graph.nodes()) position_.emplace(&node, static_cast<int>(position_.size()));
    end_ = static_cast<int>(position_.size());
    for (const auto& [name, value] : graph.outputs()) outputs_.push_back(value);
  }

  void run() {
    find_assigned();
    for (Node& node : graph_.nodes())
      for (int i = 0; i < node.output_count(); ++i) buffer_of_[{&node, i}] = choose_buffer(node, i);
    place();
  }

  int buffer(Value value) const { return buffer_of_.at(value); }
  const Buffer& at(int index) const { return buffers_[static_cast<size_t>(index)]; }
  size_t arena_bytes() const { return arena_bytes_; }
  std::vector<size_t> live() const {
    std::vector<size_t> live(static_cast<size_t>(end_));
    for (const Buffer& b : buffers_)
      for (int p = std::max(b.first, 0); !b.leaf && p <= std::min(b.last, end_ - 1); ++p)
        live[static_cast<size_t>(p)] += b.bytes;
    return live;
  }

 private:
  /// Position of the last reader of the value itself, without its views.
  int last_use(Value value) const {
    int last = position_.at(&value.node());
    for (const Node* user : value.node().users())
      for (const Value& input : user->inputs())
        if (input == value) last = std::max(last, position_.at(user));
    for (const Value& output : outputs_)
      if (output == value) last = end_;
    return last;
  }
  /// The same, including its views.
  int last_use_with_views(Value value) const {
    int last = last_use(value);
    for (Node* user : value.node().users())
      if (user->op().view && user->input(0) == value) last = std::max(last, last_use_with_views(user->output()));
    return last;
  }

  /// Computes an assigned value in the variable's place, if nobody reads the variable's old content once the value is
  /// being written (or reads it only in step with the writing).
  void find_assigned() {
    for (const Node& node : graph_.nodes()) {
      if (&node.op() != &assign_op) continue;
      const Value variable = node.input(0), value = node.input(1);
      const Node& producer = value.node();
      if (is_leaf(producer) || producer.op().view || in_variable_.contains(value)) continue;
      const int made = position_.at(&producer);
      bool free = true;
      for (const Node* reader : variable.node().users()) {
        if (reader == &node) continue;
        if (reader == &producer) {
          const int place = value.index() < 3 ? producer.op().in_place[static_cast<size_t>(value.index())] : -1;
          for (int i = 0; i < static_cast<int>(producer.inputs().size()); ++i)
            free = free && (producer.input(i) != variable || i == place);
        } else {
          free = free && !reader->op().view && position_.at(reader) < made && &reader->op() != &assign_op;
        }
      }
      if (free) in_variable_.emplace(value, &variable.node());
    }
  }

  int choose_buffer(Node& node, int index) {
    const Value value = node.output(index);
    const int now = position_.at(&node);
    if (const auto found = in_variable_.find(value); found != in_variable_.end()) return outside(found->second);
    if (&node.op() == &constant_op || &node.op() == &variable_op) return outside(&node);
    if (node.op().view) return extend(buffer_of_.at(node.input(0)), last_use(value));
    const int source = index < 3 ? node.op().in_place[static_cast<size_t>(index)] : -1;
    if (source >= 0 && source < static_cast<int>(node.inputs().size()) && node.input(source)) {
      const int candidate = buffer_of_.at(node.input(source));
      const Buffer& b = buffers_[static_cast<size_t>(candidate)];
      bool shared = false;  // writing would overwrite another input in the same place
      for (int i = 0; i < static_cast<int>(node.inputs().size()); ++i)
        shared = shared || (i != source && node.input(i) && buffer_of_.at(node.input(i)) == candidate);
      if (!b.leaf && !shared && b.last <= now && b.bytes >= value.type().bytes())
        return extend(candidate, last_use(value));
    }
    buffers_.push_back({aligned(std::max<size_t>(value.type().bytes(), 1)), &node.op() == &input_op ? -1 : now,
                        last_use_with_views(value), nullptr, 0});
    return static_cast<int>(buffers_.size()) - 1;
  }

  int outside(const Node* leaf) {
    const auto [found, added] = outside_.emplace(leaf, static_cast<int>(buffers_.size()));
    if (added) buffers_.push_back({0, 0, end_, leaf, 0});
    return found->second;
  }
  int extend(int buffer, int last) {
    Buffer& b = buffers_[static_cast<size_t>(buffer)];
    b.last = std::max(b.last, last);
    return buffer;
  }

  /// Places the largest first, each into the best-fitting lowest gap among the buffers alive with it.
  void place() {
    std::vector<Buffer*> order;
    for (Buffer& b : buffers_)
      if (!b.leaf) order.push_back(&b);
    std::stable_sort(order.begin(), order.end(), [](const Buffer* a, const Buffer* b) { return a->bytes > b->bytes; });
    std::vector<Buffer*> placed;  // by offset
    for (Buffer* b : order) {
      size_t gap_begin = 0, best = SIZE_MAX, best_size = SIZE_MAX;
      for (const Buffer* other : placed) {
        if (other->last < b->first || other->first > b->last) continue;
        if (other->offset >= gap_begin + b->bytes && other->offset - gap_begin < best_size) {
          best = gap_begin;
          best_size = other->offset - gap_begin;
        }
        gap_begin = std::max(gap_begin, other->offset + other->bytes);
      }
      b->offset = best == SIZE_MAX ? gap_begin : best;
      arena_bytes_ = std::max(arena_bytes_, b->offset + b->bytes);
      placed.insert(std::upper_bound(placed.begin(), placed.end(), b,
                                     [](const Buffer* x, const Buffer* y) { return x->offset < y->offset; }),
                    b);
    }
  }

  struct Hash {
    size_t operator()(const Value& v) const {
      return std::hash<const void*>{}(&v.node()) * 31 + static_cast<size_t>(v.index());
    }
  };
  Graph& graph_;
  std::unordered_map<const Node*, int> position_;
  int end_ = 0;
  std::vector<Value> outputs_;
  std::unordered_map<Value, const Node*, Hash> in_variable_;
  std::unordered_map<Value, int, Hash> buffer_of_;
  std::unordered_map<const Node*, int> outside_;
  std::vector<Buffer> buffers_;
  size_t arena_bytes_ = 0;
};

}  // namespace

MemoryPlan plan_memory(Graph& graph) {
  Planner planner(graph);
  planner.run();
  MemoryPlan plan;
  for (Node& node : graph.nodes())
    for (int i = 0; i < node.output_count(); ++i) {
      const Buffer& b = planner.at(planner.buffer(node.output(i)));
      Place place{Place::Kind::arena, b.offset, b.leaf};
      if (b.leaf) place.kind = &b.leaf->op() == &variable_op ? Place::Kind::variable : Place::Kind::constant;
      plan.places_[&node].push_back(place);
    }
  plan.arena_bytes_ = planner.arena_bytes();
  plan.live_ = planner.live();
  return plan;
}

}  // namespace rankine
