#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "backend/registry.h"
#include "graph/ops/ops.h"
#include "support/no_constants.h"

using namespace rankine;

namespace {

/// x * w, then times 1e20 twice.
struct Program {
  test::NoConstants constants;
  std::unique_ptr<Session> session = find_backend("cpu").open(constants);
  Graph graph;
  std::unique_ptr<Executable> executable;

  Program() {
    const Type type = {{2, 3}, DType::f32};
    const Value x = graph.input("x", type), w = graph.variable("w", type);
    graph.set_scope("first");
    const Value product = mul(x, w);
    graph.set_scope("second");
    const Value large = scale(product, 1e20);
    graph.set_scope("third");
    graph.output("y", scale(large, 1e20));
    executable = session->compile(graph);
  }
  std::optional<NonFiniteValue> find(const std::vector<float>& x, const std::vector<float>& w) {
    session->write_variable("w", w);
    executable->set_input("x", x);
    return executable->find_nonfinite();
  }
  /// The same where something must be found. (clang-tidy 16 loses itself in optionals between doctest's macros.)
  NonFiniteValue found(const std::vector<float>& x, const std::vector<float>& w) {
    const std::optional<NonFiniteValue> value = find(x, w);
    if (!value) fail("nothing was found");
    return *value;
  }
};

}  // namespace

TEST_CASE("the first value that is not finite is found: an input, a weight, or the node that made it") {
  Program program;
  const std::vector<float> ones(6, 1), small(6, 1e-10f);
  CHECK(!program.find(small, ones));

  const NonFiniteValue overflow = program.found({1e-10f, 1e-10f, 1e-10f, 1e-10f, 1, 1}, ones);
  CHECK(overflow.value.node().scope() == "third");
  CHECK(overflow.numbers.first == 4);
  CHECK(std::isinf(overflow.numbers.value));
  CHECK(overflow.numbers.count == 2);

  const NonFiniteValue weight = program.found(ones, {1, 1, NAN, 1, 1, 1});
  CHECK(weight.value.node().scope() == "w");
  CHECK(weight.numbers.first == 2);

  const NonFiniteValue input = program.found({1, INFINITY, 1, 1, 1, 1}, {1, 1, NAN, 1, 1, 1});
  CHECK(input.value.node().scope() == "x");
  CHECK(input.numbers.first == 1);
}
