#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "backend/registry.h"
#include "base/error.h"
#include "graph/ops/ops.h"
#include "support/no_constants.h"

using namespace rankine;

TEST_CASE("a program runs when all of its inputs were set since the last run, and else names one that was not") {
  test::NoConstants constants;
  const std::unique_ptr<Session> session = find_backend("cpu").open(constants);
  Graph graph;
  const Type type = {{2}, DType::f32};
  graph.output("y", mul(graph.input("x", type), graph.input("factor", type)));
  const std::unique_ptr<Executable> program = session->compile(graph);
  const std::vector<float> x = {1, 2}, factor = {3, 4};

  program->set_input("x", x);
  CHECK_THROWS_WITH_AS(program->run(), "the program's input \"factor\" was not set before this run", Error);
  program->set_input("factor", factor);
  program->run();
  std::vector<float> y(2);
  program->get_output("y", y);
  CHECK(y == std::vector<float>{3, 8});

  program->set_input("factor", factor);
  CHECK_THROWS_AS(program->run(), Error);
  CHECK_THROWS_AS(program->profile(), Error);
  CHECK_THROWS_AS(program->find_nonfinite(), Error);
  program->set_input("x", x);
  CHECK_NOTHROW(program->run());
}
