#include <doctest/doctest.h>

#include "backend/registry.h"
#include "graph/memory/problem.h"
#include "graph/memory/solver.h"
#include "graph/ops/ops.h"
#include "graph/passes/compile.h"

using namespace rankine;

namespace {

constexpr size_t kKernel = 64 * 64 * 9, kMatrix = 64 * 64, kTable = 7 * 64 * 2;  // elements; bytes of the table

/// A convolution, a linear layer and a table, each read in one direction.
MemoryProblem problem_of(DType type, const char* conv_algorithm = "direct", std::optional<DType> file = {}) {
  Graph g;
  Value x = g.input("x", {{1, 16, 16, 64}, type});
  x = conv2d(x, g.constant("kernel", {{64, 64, 3, 3}, type}), {}, Conv2dGeometry::same(3));
  x = linear(reshape(x, {256, 64}), g.constant("matrix", {{64, 64}, type}));
  x = x + reshape(embedding(g.constant("table", {{7, 64}, type}), g.input("ids", {{256}, DType::i32})), {256, 64});
  g.output("y", x);
  Target target;
  target.device = &find_backend("cpu").device();
  target.conv_algorithm = conv_algorithm;
  if (file) target.in_file = {{"kernel", *file}, {"matrix", *file}, {"table", *file}};
  compile(g, target);
  return memory_problem(g, *target.device);
}

}  // namespace

TEST_CASE("where products read f32 alone a half-float weight weighs twice as much packed, and half of it plain") {
  const MemoryProblem wide = problem_of(DType::f16);
  CHECK(wide.first_form_bytes == 4 * (kKernel + kMatrix) + kTable);
  REQUIRE(wide.weights.size() == 2);
  CHECK(MemorySolver(wide).choose(0).weights == 2 * (kKernel + kMatrix) + kTable);
  for (const WeightChoice& weight : wide.weights)  // memory to pack it again, or to promote it
    CHECK(weight.working_bytes == (weight.name == "kernel" ? 4 * (kKernel + kKernel / 9) : 4 * kMatrix));
}

TEST_CASE(
    "kernels of Winograd's algorithm weigh 16 ninths of direct ones, and the solver is offered each smaller form in "
    "turn") {
  const MemoryProblem direct = problem_of(DType::f16), winograd = problem_of(DType::f16, "winograd");
  CHECK(winograd.first_form_bytes - direct.first_form_bytes == 4 * kKernel * 7 / 9);
  const MemoryChoice least = MemorySolver(winograd).choose(0);
  CHECK(least.weights == MemorySolver(direct).choose(0).weights);
  CHECK(least.weight_forms.at("kernel") == "plain");
}

TEST_CASE("products can leave their weights in a file, which takes more time; tables stay in memory") {
  const MemoryProblem copied = problem_of(DType::f32), mapped = problem_of(DType::f32, "direct", DType::f16);
  const MemoryChoice plain = MemorySolver(copied).choose(0), least = MemorySolver(mapped).choose(0);
  CHECK(least.weights == 2 * kTable);
  CHECK(least.weight_forms.at("kernel") == "mapped");
  CHECK(least.weight_forms.at("matrix") == "mapped");
  CHECK(least.added_seconds > plain.added_seconds);
  CHECK(MemorySolver(mapped).choose(SIZE_MAX).weight_forms.empty());
  CHECK(least.working >= 4 * (kKernel + kMatrix));
}

TEST_CASE("every frozen weight has a form for each of its readers, and plain copies are shared by them") {
  const DeviceModel& device = find_backend("cpu").device();
  Graph g;
  const Value w = g.constant("w", {{48, 64}, DType::f32});
  const Value x = g.input("x", {{8, 64}, DType::f32}), y = linear(x, w);
  g.output("y", y);
  const Value dx = g.add(linear_grad_x_op, {y, w, {}});
  g.output("dx", dx);
  const auto forward = device.forms(y.node(), w), backward = device.forms(dx.node(), w);
  REQUIRE(forward.size() == 2);
  REQUIRE(backward.size() == 2);
  CHECK(forward.front().copy != backward.front().copy);
  CHECK(forward.back().copy == backward.back().copy);
  CHECK(forward.back().bytes == w.type().bytes());
}

TEST_CASE("the device says how much memory it has, has left and holds") {
  const DeviceMemory memory = find_backend("cpu").device().memory();
  CHECK(memory.held > 0);
  CHECK(memory.held < memory.total);
  CHECK(memory.free < memory.total);
}
