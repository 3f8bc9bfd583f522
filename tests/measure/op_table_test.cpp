#include "measure/op_table.h"

#include <doctest/doctest.h>

#include <sstream>

#include "graph/ops/ops.h"

using namespace rankine;

namespace {

/// Two 3x3 convolutions of different sizes and a sum, with times that are easy to add up.
struct Profile {
  Graph graph;
  std::vector<NodeTime> times;

  Profile() {
    const Value x = graph.input("x", {{1, 8, 8, 4}, DType::f32});
    const Value first = conv2d(x, graph.constant("w1", {{6, 4, 3, 3}, DType::f32}), {}, {1, 1, 1, 1, 1});
    const Value second = conv2d(first, graph.constant("w2", {{4, 6, 3, 3}, DType::f32}), {}, {1, 1, 1, 1, 1});
    const Value sum = second + x;
    times = {{&first.node(), 0.25}, {&second.node(), 0.5}, {&sum.node(), 2}};
  }
  std::string table(bool by_shape) const {
    std::ostringstream out;
    OpTable(times, {.product_flops = 1e9, .bytes = 1e9}, by_shape).print(out, "everything");
    return out.str();
  }
};

/// The line that starts with `name`, its numbers behind it.
std::vector<double> row(const std::string& table, const std::string& name) {
  std::istringstream lines(table);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(name + "  ")) continue;
    std::istringstream numbers(line.substr(name.size()));
    std::vector<double> values;
    for (double value; numbers >> value;) values.push_back(value);
    return values;
  }
  FAIL("no row ", name, " in\n", table);
  return {};
}

}  // namespace

TEST_CASE("ops of a kind share a row, the slowest first, and the last row has them all") {
  const std::string table = Profile().table(false);
  CHECK(table.find("add") < table.find("conv2d 3x3"));
  const std::vector<double> convolutions = row(table, "conv2d 3x3"), all = row(table, "everything");
  CHECK(convolutions[0] == 2);
  CHECK(convolutions[1] == 750);
  CHECK(all[0] == 3);
  CHECK(all[1] == 2750);
}

TEST_CASE("a table by shape tells ops of a kind apart by what they read and write") {
  const std::string table = Profile().table(true);
  CHECK(row(table, "conv2d 3x3 8x8x4 -> 8x8x6")[1] == 250);
  CHECK(row(table, "conv2d 3x3 8x8x6 -> 8x8x4")[1] == 500);
  CHECK(row(table, "everything")[0] == 3);
}

TEST_CASE("the share of the limit is arithmetic over time") {
  const Profile profile;
  const double flops = 2 * 9 * 4 * 6 * 64 * 2 + 64 * 4;
  CHECK(OpTable(profile.times, {.product_flops = 1e6, .bytes = 1}).share_of_limit(2) ==
        doctest::Approx(flops / 2e6).epsilon(1e-3));
}
