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

TEST_CASE("the members of a flat variable share its memory, and programs may use either name") {
  for (const char* device : {"cpu", "reference"}) {
    CAPTURE(device);
    test::NoConstants constants;
    const std::unique_ptr<Session> session = find_backend(device).open(constants);
    session->write_variable("b", std::vector<float>{3, 4, 5});
    session->declare_flat("all", std::vector<FlatMember>{{"a", 2}, {"b", 3}});
    const auto read = [&](const char* name, size_t count) {
      std::vector<float> values(count);
      session->read_variable(name, values);
      return values;
    };
    CHECK(read("all", 5) == std::vector<float>{0, 0, 3, 4, 5});

    Graph of_parts, of_all;
    const Value a = of_parts.variable("a", {{2}, DType::f32}), b = of_parts.variable("b", {{3, 1}, DType::f32});
    of_parts.assign(a, scale(a, 2));
    of_parts.output("b", b);
    const Value all = of_all.variable("all", {{5}, DType::f32});
    of_all.assign(all, add(all, fill(of_all, {{}, DType::f32}, 1)));
    const std::unique_ptr<Executable> parts = session->compile(of_parts), whole = session->compile(of_all);
    whole->run();
    parts->run();
    CHECK(read("all", 5) == std::vector<float>{2, 2, 4, 5, 6});
    std::vector<float> output(3);
    parts->get_output("b", output);
    CHECK(output == std::vector<float>{4, 5, 6});
    session->write_variable("a", std::vector<float>{7, 8});
    CHECK(read("all", 5) == std::vector<float>{7, 8, 4, 5, 6});
    CHECK(session->variables() == std::vector<std::pair<std::string, int64_t>>{{"all", 5}});

    CHECK_THROWS_AS(session->declare_flat("all", std::vector<FlatMember>{{"c", 2}}), Error);
    CHECK_THROWS_AS(session->declare_flat("other", std::vector<FlatMember>{{"a", 2}}), Error);
    CHECK_THROWS_AS(session->write_variable("b", std::vector<float>{1}), Error);
  }
}

TEST_CASE("a flat variable takes the bytes of its members and no more") {
  test::NoConstants constants;
  const std::unique_ptr<Session> session = find_backend("cpu").open(constants);
  session->write_variable("a", std::vector<float>(1000));
  session->declare_flat("all", std::vector<FlatMember>{{"a", 1000}, {"b", 24}});
  CHECK(session->memory().variables == 1024 * sizeof(float));
}
