#include "graph/memory/plan.h"

#include <doctest/doctest.h>

#include "graph/ops/ops.h"
#include "graph/passes/compile.h"

using namespace rankine;

namespace {

Type f32(Shape shape) { return {std::move(shape), DType::f32}; }

/// A chain of linear layers with a residual and a small LoRA-like branch, differentiated.
void build(Graph& g, bool checkpointing) {
  Value x = g.input("x", f32({33, 64}));
  std::vector<Value> trained;
  for (int i = 0; i < 6; ++i) {
    g.set_scope("net.layers." + std::to_string(i));
    const Value w = g.variable("w" + std::to_string(i), f32({64, 64}));
    trained.push_back(w);
    x = gelu(linear(silu(linear(x, w)), g.constant("c" + std::to_string(i), f32({64, 64})))) + x;
  }
  g.set_scope("loss");
  g.output("loss", mean(mse_loss(x, g.input("target", f32({33, 64})))));
  g.set_scope("");
  Target target;
  target.trained = trained;
  target.recompute_all = checkpointing;
  compile(g, target);
}

struct Interval {
  size_t begin, end;
  int first, last;
};

/// For every arena value: its bytes and the nodes between which it is alive, views counted with what they show.
std::vector<std::pair<Value, Interval>> intervals(Graph& g, const MemoryPlan& plan) {
  std::map<const Node*, int> position;
  for (const Node& node : g.nodes()) position.emplace(&node, static_cast<int>(position.size()));
  std::vector<std::pair<Value, Interval>> found;
  for (Node& node : g.nodes())
    for (int i = 0; i < node.output_count(); ++i) {
      const Value value = node.output(i);
      if (plan.at(value).kind != Place::Kind::arena) continue;
      int last = position.at(&node);
      for (const Node* user : node.users())
        for (const Value& input : user->inputs())
          if (input == value) last = std::max(last, position.at(user));
      for (const auto& [name, output] : g.outputs())
        if (output == value) last = static_cast<int>(position.size());
      const size_t begin = plan.at(value).offset;
      found.push_back(
          {value, {begin, begin + value.type().bytes(), &node.op() == &input_op ? -1 : position.at(&node), last}});
    }
  return found;
}

}  // namespace

TEST_CASE("values that are alive together never share bytes, but where an op works in place or shows a view") {
  for (const bool checkpointing : {false, true}) {
    Graph g;
    build(g, checkpointing);
    const MemoryPlan plan = plan_memory(g);
    const auto all = intervals(g, plan);
    for (const auto& [a, x] : all) {
      CHECK(x.end <= plan.arena_bytes());
      for (const auto& [b, y] : all) {
        if (a == b || x.end <= y.begin || y.end <= x.begin) continue;
        // One may take over from the other at the node that reads the last of it.
        const bool apart = x.last < y.first || y.last < x.first;
        const bool takes_over = x.last == y.first || y.last == x.first;
        const bool view = a.node().op().view || b.node().op().view;
        CHECK((apart || takes_over || view));
      }
    }
  }
}

TEST_CASE("the arena is smaller than the sum of all values, and smaller still with gradient checkpointing") {
  Graph plain, checkpointed;
  build(plain, false);
  build(checkpointed, true);
  size_t sum = 0;
  for (const Node& node : plain.nodes())
    if (!is_leaf(node))
      for (int i = 0; i < node.output_count(); ++i) sum += node.type(i).bytes();
  const size_t planned = plan_memory(plain).arena_bytes();
  CHECK(planned < sum / 2);
  CHECK(plan_memory(checkpointed).arena_bytes() < planned);
}

TEST_CASE("a gradient is computed in the place of its variable, so nothing is left to copy") {
  Graph g;
  build(g, false);
  const MemoryPlan plan = plan_memory(g);
  int assigns = 0;
  for (const Node& node : g.nodes())
    if (&node.op() == &assign_op) {
      ++assigns;
      CHECK(plan.assigned_in_place(node));
    }
  CHECK(assigns == 6);
}

TEST_CASE("a variable that is still read after its new value is made is not overwritten early") {
  Graph g;
  const Value v = g.variable("v", f32({8}));
  const Value doubled = scale(v, 2.0);
  g.output("old", add(v, doubled));  // reads v after `doubled` exists
  g.assign(v, doubled);
  const MemoryPlan plan = plan_memory(g);
  for (const Node& node : g.nodes())
    if (&node.op() == &assign_op) CHECK(!plan.assigned_in_place(node));
}

TEST_CASE("a residual that the product itself reads is not overwritten while it is read") {
  Graph g;
  const Value x = g.input("x", f32({4, 8}));
  const Value y = silu(x);
  const Value z = g.add(linear_op, {y, g.constant("w", f32({8, 8})), {}, y});
  g.output("z", z);
  const MemoryPlan plan = plan_memory(g);
  CHECK(plan.at(z).offset != plan.at(y).offset);
}

TEST_CASE("the gradients of norms are written over what they are computed from, unless that is read again") {
  const auto shares = [](bool read_again) {
    Graph g;
    const Value x = g.input("x", f32({2, 3, 8})), gain = g.constant("gain", f32({8})),
                bias = g.constant("bias", f32({8}));
    const Value group = group_norm(silu(x), gain, bias, 2, 1e-5), layer = layer_norm(group, gain, bias, 1e-5);
    const auto statistics = [](Value y, int i) { return Value(&y.node(), i); };
    const Value dy = gelu(layer);
    const Value d_layer = g.add(layer_norm_grad_x_op, {group, gain, statistics(layer, 1), statistics(layer, 2), dy});
    const Value d_group = g.add(
        group_norm_grad_x_op, {group.node().input(0), gain, bias, statistics(group, 1), statistics(group, 2), d_layer},
        group.node().attributes());
    g.output("dx", read_again ? d_group + dy + d_layer : d_group);
    const MemoryPlan plan = plan_memory(g);
    return std::pair(plan.at(d_layer).offset == plan.at(dy).offset, plan.at(d_group).offset == plan.at(d_layer).offset);
  };
  CHECK(shares(false) == std::pair(true, true));
  CHECK(shares(true) == std::pair(false, false));
}
