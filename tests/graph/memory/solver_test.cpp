#include "graph/memory/solver.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cmath>
#include <map>
#include <set>

#include "base/rng.h"
#include "graph/memory/plan.h"
#include "graph/ops/ops.h"
#include "graph/passes/compile.h"

using namespace rankine;

namespace {

/// A network's values: each reads some that were made shortly before it, the backward pass reads them in reverse order.
/// Sizes, costs, who is read by the backward pass and who may be computed again are drawn at random.
MemoryProblem random_problem(uint64_t seed, int values, int weights) {
  Rng rng(seed, 0);
  MemoryProblem problem;
  problem.working = 40;
  const int positions = 2 * values + 2;
  for (int p = 0; p < positions; ++p) problem.live.push_back(50 + rng.below(200));
  for (int i = 0; i < values; ++i) {
    ValueChoice v;
    v.value = "v" + std::to_string(i);
    v.bytes = 100 + rng.below(1000);
    v.saved = rng.below(4) > 0;
    v.inner = rng.below(8) > 0;
    v.seconds = 0.01 + rng.uniform();
    v.begin = i + 1;
    v.end = v.saved ? positions - 1 - i : INT_MAX;
    for (int j = std::max(0, i - 3); j < i; ++j)
      if (j == i - 1 || rng.below(3) == 0) {
        v.inputs.push_back(static_cast<size_t>(j));
        problem.values[static_cast<size_t>(j)].begin = i + 1;
      }
    problem.values.push_back(v);
  }
  for (const ValueChoice& v : problem.values)
    for (int p = v.begin; v.saved && p < v.end; ++p) problem.live[static_cast<size_t>(p)] += v.bytes;
  for (int i = 0; i < weights; ++i) {
    problem.weights.push_back({"w" + std::to_string(i), 50 + rng.below(400), 0.01 + rng.uniform() * 0.5, "plain"});
    problem.weights.back().working_bytes = rng.below(80);
    problem.first_form_bytes += 2 * problem.weights.back().saved_bytes;
  }
  return problem;
}

/// Keeps a copy of a weight for each node that multiplies by it, or one plain copy for all of them.
class ToyDevice : public DeviceModel {
 public:
  bool has_kernel(const OpDef&) const override { return true; }
  std::vector<WeightForm> forms(const Node& node, const Value& weight) const override {
    const WeightForm plain{"plain", "plain", weight.type().bytes(), 0.1 * seconds(node)};
    if (weight.rank() < 2) return {plain};
    return {{"packed", std::string(node.op().name), weight.type().bytes()}, plain};
  }
  double seconds(const Node& node) const override {
    return std::max(flops_of_node(node) / 1e12, bytes_of_node(node) / 2e10);
  }
  size_t working_bytes(const Node&) const override { return 0; }
  DeviceMemory memory() const override { return {}; }
  size_t program_bytes() const override { return 0; }
  std::span<const Pass> passes() const override { return {}; }
};

/// Simulates a backward pass that recomputes the dropped values, each when it is first read.
struct Outcome {
  const MemoryProblem& problem;
  const std::set<size_t>& dropped;
  std::map<size_t, int> made = {}, held = {};  // and when it is wanted

  void want(size_t i, int when) {
    const ValueChoice& v = problem.values[i];
    if (v.saved && !dropped.contains(i)) return;
    std::map<size_t, int>& table = v.inner ? made : held;
    const auto [entry, added] = table.emplace(i, when);
    if (!added && entry->second <= when) return;
    entry->second = when;
    if (v.inner)
      for (const size_t input : v.inputs) want(input, when);
  }
  double seconds() {
    for (const size_t i : dropped) want(i, problem.values[i].end);
    double sum = 0;
    for (const auto& [i, when] : made) sum += problem.values[i].seconds;
    return sum;
  }
  size_t peak() const {
    std::vector<size_t> live = problem.live;
    for (const size_t i : dropped)
      for (int p = problem.values[i].begin; p < made.at(i); ++p)
        live[static_cast<size_t>(p)] -= problem.values[i].bytes;
    for (const auto& [i, when] : held)
      for (int p = problem.values[i].begin; p < when; ++p) live[static_cast<size_t>(p)] += problem.values[i].bytes;
    return *std::max_element(live.begin(), live.end());
  }
};

/// Least added time over all subsets; infinity where nothing fits.
double exact(const MemoryProblem& problem, size_t budget) {
  std::vector<size_t> droppable;
  for (size_t i = 0; i < problem.values.size(); ++i)
    if (problem.values[i].saved && problem.values[i].inner) droppable.push_back(i);
  std::vector<std::array<double, 3>> of_weights;  // bytes held, working memory, seconds
  for (size_t chosen = 0; chosen < (size_t{1} << problem.weights.size()); ++chosen) {
    size_t held = problem.first_form_bytes, working = problem.working;
    double seconds = 0;
    for (size_t i = 0; i < problem.weights.size(); ++i)
      if (chosen >> i & 1) {
        seconds += problem.weights[i].seconds;
        held -= problem.weights[i].saved_bytes;
        working = std::max(working, problem.weights[i].working_bytes);
      }
    of_weights.push_back({static_cast<double>(held), static_cast<double>(working), seconds});
  }
  double best = INFINITY;
  for (size_t chosen = 0; chosen < (size_t{1} << droppable.size()); ++chosen) {
    std::set<size_t> dropped;
    for (size_t k = 0; k < droppable.size(); ++k)
      if (chosen >> k & 1) dropped.insert(droppable[k]);
    Outcome outcome{problem, dropped};
    const double seconds = outcome.seconds();
    const auto peak = static_cast<double>(outcome.peak());
    for (const auto& [held, working, more_seconds] : of_weights)
      if (peak + held + working <= static_cast<double>(budget)) best = std::min(best, seconds + more_seconds);
  }
  return best;
}

Type f32(Shape shape) { return {std::move(shape), DType::f32}; }

std::vector<Value> build(Graph& g, const Target& choice) {
  Value x = g.input("x", f32({64, 128}));
  Target target = choice;
  for (int i = 0; i < 8; ++i) {
    g.set_scope("net.layers." + std::to_string(i));
    target.trained.push_back(g.variable("w" + std::to_string(i), f32({128, 128})));
    x = linear(gelu(linear(silu(x), target.trained.back())), g.constant("c" + std::to_string(i), f32({128, 128}))) + x;
  }
  g.set_scope("loss");
  g.output("loss", mean(mse_loss(x, g.input("target", f32({64, 128})))));
  g.set_scope("");
  compile(g, target);
  return target.trained;
}

}  // namespace

TEST_CASE("the memory choice fits its budget and costs little more than the best of all subsets") {
  double cost = 0, best = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const MemoryProblem problem = random_problem(seed, 12, 4);
    const MemorySolver solver(problem);
    const size_t most = *std::max_element(problem.live.begin(), problem.live.end()) + problem.first_form_bytes;
    for (const double share : {1.0, 0.9, 0.8, 0.7, 0.6}) {
      const auto budget = static_cast<size_t>(share * static_cast<double>(most));
      const double least = exact(problem, budget);
      if (std::isinf(least)) continue;
      const MemoryChoice choice = solver.choose(budget);
      CHECK(choice.bytes() <= budget);
      cost += choice.added_seconds;
      best += least;
      CHECK(choice.added_seconds >= least - 1e-9);
    }
  }
  MESSAGE("added time: ", cost / best, " of the least possible");
  CHECK(cost <= 1.25 * best);
}

TEST_CASE("what the memory choice promises is what dropping those values comes to") {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    const MemoryProblem problem = random_problem(seed, 30, 0);
    const size_t most = *std::max_element(problem.live.begin(), problem.live.end());
    const MemoryChoice choice = MemorySolver(problem).choose(most * 2 / 3);
    std::set<size_t> dropped;
    for (size_t i = 0; i < problem.values.size(); ++i)
      if (choice.recomputed.contains(problem.values[i].value)) dropped.insert(i);
    Outcome outcome{problem, dropped};
    CHECK(choice.added_seconds == doctest::Approx(outcome.seconds()));
    CHECK(choice.activations == outcome.peak());
  }
}

TEST_CASE("with memory to spare nothing is given up, and what cannot fit becomes as small as it can") {
  const MemoryProblem problem = random_problem(3, 12, 4);
  const MemorySolver solver(problem);
  const MemoryChoice all = solver.choose(SIZE_MAX), least = solver.choose(0), smallest = solver.smallest();
  CHECK(all.recomputed.empty());
  CHECK(all.weight_forms.empty());
  CHECK(all.added_seconds == 0);
  CHECK(least.weight_forms.size() == problem.weights.size());
  CHECK(least.bytes() < all.bytes());
  CHECK(smallest.weight_forms.size() == problem.weights.size());
  CHECK(smallest.recomputed.size() >= least.recomputed.size());
  CHECK(smallest.added_seconds >= least.added_seconds);
}

TEST_CASE("less memory never costs less time, and the plan's arena follows the choice") {
  Graph full;
  build(full, {});
  MemoryProblem problem = memory_problem(full, ToyDevice());
  CHECK(problem.weights.size() == 8);
  problem.weights.clear();  // activations alone
  problem.working = 0;
  const MemorySolver solver(problem);
  const size_t arena = plan_memory(full).arena_bytes();
  const size_t live = solver.choose(SIZE_MAX).activations;  // no offsets beat it, and best fit comes near it
  CHECK(live <= arena);
  CHECK(arena - live < arena / 100);
  double last_seconds = 0;
  size_t last_arena = arena;
  for (const double share : {1.0, 0.9, 0.8, 0.7, 0.6}) {
    const MemoryChoice choice =
        solver.choose(problem.first_form_bytes + static_cast<size_t>(share * static_cast<double>(arena)));
    CHECK(choice.added_seconds >= last_seconds);
    last_seconds = choice.added_seconds;
    Graph g;
    Target target;
    target.memory.recomputed = choice.recomputed;
    build(g, target);
    const size_t chosen_arena = plan_memory(g).arena_bytes();
    CHECK(chosen_arena <= last_arena);
    CHECK(static_cast<double>(chosen_arena) <= (share + 0.1) * static_cast<double>(arena));
    last_arena = chosen_arena;
  }
  CHECK(last_seconds > 0);
  CHECK(last_arena < arena);
}
