// Dropout's masks: their statistics, and that every pass that needs one draws the same.
#include <doctest/doctest.h>

#include <cmath>

#include "backend/reference/interpreter.h"
#include "base/rng.h"
#include "graph/autodiff.h"
#include "graph/feeds.h"
#include "graph/passes/compile.h"

using namespace rankine;

namespace {

Type f32(Shape shape) { return {std::move(shape), DType::f32}; }

/// Words of a key as a graph's input has them.
HostTensor key_of(uint64_t seed, uint64_t step) {
  HostTensor words({4});
  const RandomKey key = random_key(seed, purpose::network_dropout, step);
  for (size_t i = 0; i < 4; ++i) words.data()[i] = static_cast<int32_t>(key[i]);
  return words;
}

/// The mask as dropout puts it on ones.
std::vector<double> mask(const Dropout& settings, const Shape& shape, uint64_t seed, uint64_t step) {
  Graph g;
  const Value x = fill(g, f32(shape), 1.0);
  g.output("y", dropout(x, g.input("key", {{4}, DType::i32}), settings));
  return Interpreter(g, {{"key", key_of(seed, step)}}).output("y").data();
}

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

}  // namespace

TEST_CASE("dropout keeps the mean: kept elements grow by as much as others are lost") {
  const Shape shape = {100, 1000};
  for (const double p : {0.0, 0.1, 0.5, 0.9}) {
    CAPTURE(p);
    const std::vector<double> m = mask({p, 1 / (1 - p), shape, 0}, shape, 1, 1);
    // The mean of n draws is off by sqrt(p / (1 - p) / n) or so; five times that does not happen.
    CHECK(std::abs(mean_of(m) - 1) <= 5 * std::sqrt(p / (1 - p) / 1e5));
    for (const double v : m) REQUIRE((v == 0 || v == 1 / (1 - p)));
  }
}

TEST_CASE("masks differ from step to step, from stream to stream and with the seed, by as much as chance has it") {
  const Shape shape = {100, 1000};
  const Dropout half{0.5, 1, shape, 0};
  Dropout other = half;
  other.stream = 1;
  const std::vector<double> m = mask(half, shape, 1, 1);
  CHECK(mask(half, shape, 1, 1) == m);
  for (const std::vector<double>& n : {mask(half, shape, 1, 2), mask(half, shape, 2, 1), mask(other, shape, 1, 1)}) {
    double same = 0;
    for (size_t i = 0; i < m.size(); ++i) same += m[i] == n[i];
    CHECK(std::abs(same / 1e5 - 0.5) < 5 * 0.5 / std::sqrt(1e5));
  }
}

TEST_CASE("elements that share a mask's element share its fate") {
  const std::vector<double> m = mask({0.5, 1, {3, 1, 40}, 0}, {3, 7, 40}, 1, 1);
  for (size_t n = 0; n < 3; ++n)
    for (size_t t = 1; t < 7; ++t)
      for (size_t r = 0; r < 40; ++r) REQUIRE(m[(n * 7 + t) * 40 + r] == m[n * 7 * 40 + r]);
  CHECK(std::vector<double>(m.begin(), m.begin() + 40) != std::vector<double>(m.begin() + 280, m.begin() + 320));
}

TEST_CASE("a recomputed block draws the masks of its first pass again: the gradients are the same to the bit") {
  const auto gradient = [](bool recomputed, size_t& masks) {
    Graph g;
    const Value key = g.input("key", {{4}, DType::i32});
    Value h = g.input("x", f32({4, 8}));
    const Value w = g.variable("w", f32({8, 8}));
    g.set_scope("net.layers.0.fc1");
    h = silu(dropout(linear(h, w), key, {0.5, 2, {4, 8}, 7}));
    h = silu(linear(h, w));
    g.set_scope("net.layers.1.fc1");
    h = linear(h, w);
    g.set_scope("");
    g.output("loss", mean(mul(h, h)));
    Target target;
    target.trained = {w};
    target.recompute_all = recomputed;
    compile(g, target);
    masks = 0;
    for (const Node& node : g.nodes()) masks += &node.op() == &dropout_op;
    Feed feed = random_feed(g, 3);
    feed["key"] = key_of(3, 5);
    feed["loss_scale"] = HostTensor({}, {1});
    HostTensor weights({8, 8});
    Rng rng(4, 0);
    for (double& v : weights.data()) v = rng.normal();
    feed["w"] = weights;
    feed["grad.w"] = HostTensor({8, 8});
    return Interpreter(g, feed).output("grad.w").data();
  };
  size_t kept_masks = 0, recomputed_masks = 0;
  const std::vector<double> kept = gradient(false, kept_masks), again = gradient(true, recomputed_masks);
  CHECK(kept_masks == 2);  // forward and backward
  CHECK(recomputed_masks == 3);
  CHECK(kept == again);
}

TEST_CASE("dropout refuses a chance of 1, a wrong key and a mask of another shape") {
  Graph g;
  const Value x = g.input("x", f32({2, 3})), key = g.input("key", {{4}, DType::i32});
  CHECK_THROWS_WITH_AS(dropout(x, key, {1.0, 1, {2, 3}, 0}), doctest::Contains("below 1"), Error);
  CHECK_THROWS_WITH_AS(dropout(x, x, {0.5, 1, {2, 3}, 0}), doctest::Contains("key"), Error);
  CHECK_THROWS_WITH_AS(dropout(x, key, {0.5, 1, {3, 3}, 0}), doctest::Contains("does not broadcast"), Error);
}
