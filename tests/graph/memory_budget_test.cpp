#include "graph/memory_budget.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "graph/memory_plan.h"
#include "graph/ops/ops.h"
#include "graph/passes/compile.h"

using namespace rankine;

namespace {

/// Nested intervals like those of a network's blocks, with sizes and costs drawn at random.
MemoryProblem random_problem(uint64_t seed, int blocks, int weights) {
  Rng rng(seed, 0);
  MemoryProblem problem;
  problem.working = 40;
  const int positions = 4 * blocks + 4;
  problem.live.assign(static_cast<size_t>(positions), 0);
  for (size_t p = 0; p < problem.live.size(); ++p) problem.live[p] = 50 + rng.below(200);
  for (int i = 0; i < blocks; ++i) {
    BlockChoice b{"b" + std::to_string(i), 100 + rng.below(1000), 2 * i + 1, positions - 2 * i - 1,
                  0.01 + rng.uniform()};
    for (int p = b.begin; p < b.end; ++p) problem.live[static_cast<size_t>(p)] += b.bytes;
    problem.blocks.push_back(b);
  }
  for (int i = 0; i < weights; ++i) {
    problem.weights.push_back({"w" + std::to_string(i), 50 + rng.below(400), 0.01 + rng.uniform() * 0.5});
    problem.weights.back().working_bytes = rng.below(80);
    problem.packed_weights += 2 * problem.weights.back().saved_bytes;
  }
  return problem;
}

/// Least added time over all subsets; infinity where nothing fits.
double exact(const MemoryProblem& problem, size_t budget) {
  const size_t blocks = problem.blocks.size(), weights = problem.weights.size();
  double best = INFINITY;
  for (size_t chosen = 0; chosen < (size_t{1} << (blocks + weights)); ++chosen) {
    std::vector<size_t> live = problem.live;
    size_t held = problem.packed_weights, working = problem.working;
    double seconds = 0;
    for (size_t i = 0; i < blocks; ++i)
      if (chosen >> i & 1) {
        seconds += problem.blocks[i].seconds;
        for (int p = problem.blocks[i].begin; p < problem.blocks[i].end; ++p)
          live[static_cast<size_t>(p)] -= problem.blocks[i].bytes;
      }
    for (size_t i = 0; i < weights; ++i)
      if (chosen >> (blocks + i) & 1) {
        seconds += problem.weights[i].seconds;
        held -= problem.weights[i].saved_bytes;
        working = std::max(working, problem.weights[i].working_bytes);
      }
    if (*std::max_element(live.begin(), live.end()) + held + working <= budget) best = std::min(best, seconds);
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
    const MemoryProblem problem = random_problem(seed, 7, 5);
    const size_t most = *std::max_element(problem.live.begin(), problem.live.end()) + problem.packed_weights;
    for (const double share : {1.0, 0.9, 0.75, 0.6, 0.5}) {
      const auto budget = static_cast<size_t>(share * static_cast<double>(most));
      const double least = exact(problem, budget);
      if (std::isinf(least)) continue;
      const MemoryChoice choice = choose_memory(problem, budget);
      CHECK(choice.bytes() <= budget);
      cost += choice.added_seconds;
      best += least;
    }
  }
  MESSAGE("added time: ", cost / best, " of the least possible");
  CHECK(cost <= 1.25 * best);
}

TEST_CASE("with memory to spare nothing is given up, and what cannot fit becomes as small as it can") {
  const MemoryProblem problem = random_problem(3, 6, 4);
  const MemoryChoice all = choose_memory(problem, SIZE_MAX), least = choose_memory(problem, 0);
  CHECK(all.recomputed.empty());
  CHECK(all.kept_plain.empty());
  CHECK(all.added_seconds == 0);
  CHECK(least.kept_plain.size() == problem.weights.size());
  CHECK(least.bytes() < all.bytes());
}

TEST_CASE("less memory never costs less time, and the plan's arena follows the choice") {
  Graph full;
  build(full, {});
  MemoryProblem problem = memory_problem(full, {});
  CHECK(problem.weights.size() == 8);
  problem.weights.clear();  // activations alone
  problem.working = 0;
  const size_t arena = plan_memory(full).arena_bytes();
  CHECK(problem.blocks.size() == 8);
  double last_seconds = 0;
  size_t last_arena = arena;
  for (const double share : {1.0, 0.9, 0.8, 0.7, 0.6}) {
    const MemoryChoice choice =
        choose_memory(problem, problem.packed_weights + static_cast<size_t>(share * static_cast<double>(arena)));
    CHECK(choice.added_seconds >= last_seconds);
    last_seconds = choice.added_seconds;
    Graph g;
    Target target;
    target.recomputed = [&](std::string_view block) { return choice.recomputed.contains(block); };
    build(g, target);
    const size_t chosen_arena = plan_memory(g).arena_bytes();
    CHECK(chosen_arena <= last_arena);
    last_arena = chosen_arena;
  }
  CHECK(last_seconds > 0);
  CHECK(last_arena < arena);
}

TEST_CASE("where products read f32 alone a bf16 weight weighs twice as much for each direction, and half of it plain") {
  const auto problem_of = [](size_t packed_bf16_bytes, DType type = DType::bf16) {
    Graph g;
    Value x = g.input("x", {{1, 16, 16, 64}, type});
    x = conv2d(x, g.constant("kernel", {{64, 64, 3, 3}, type}), {}, Conv2dGeometry::same(3));
    x = linear(reshape(x, {256, 64}), g.constant("matrix", {{32, 64}, type}));
    x = x + reshape(embedding(g.constant("table", {{7, 32}, type}), g.input("ids", {{256}, DType::i32})), {256, 32});
    g.output("y", x);
    DeviceRates rates;
    rates.packed_bf16_bytes = packed_bf16_bytes;
    rates.packed_f16_bytes = 4;
    return memory_problem(g, rates);
  };
  constexpr size_t kKernel = 64 * 64 * 9, kMatrix = 32 * 64, kTable = 7 * 32 * 2;
  CHECK(problem_of(2).packed_weights == 2 * (kKernel + kMatrix) + kTable);
  CHECK(problem_of(2).weights.empty());  // one direction: plain saves nothing
  const MemoryProblem wide = problem_of(4);
  CHECK(wide.packed_weights == 4 * (kKernel + kMatrix) + kTable);
  REQUIRE(wide.weights.size() == 2);
  CHECK(choose_memory(wide, 0).weights == 2 * (kKernel + kMatrix) + kTable);
  CHECK(problem_of(2, DType::f16).packed_weights == wide.packed_weights);
  for (const WeightChoice& weight : wide.weights)  // what is needed to pack it again, or to widen it
    CHECK(weight.working_bytes == (weight.name == "kernel" ? 4 * (kKernel + kKernel / 9) : 4 * kMatrix));
}
