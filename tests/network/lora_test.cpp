// The LoRA rewrite on a layer of its own, above all what dropout makes of it.
#include "network/lora.h"

#include <doctest/doctest.h>

#include <cmath>

#include "backend/reference/interpreter.h"
#include "base/rng.h"
#include "graph/autodiff.h"
#include "graph/ops/ops.h"
#include "network/attach_adapter.h"

using namespace rankine;

namespace {

constexpr int64_t kSamples = 3, kTokens = 4, kIn = 5, kOut = 6, kRank = 8;

Type f32(Shape shape) { return {std::move(shape), DType::f32}; }

AdaptedLayer module_of(std::string name) {
  return {.key = "lora_unet_" + name, .path = "unet." + name, .weight = {kOut, kIn}, .rank = kRank, .alpha = 2};
}

/// Two linear layers side by side, both adapted: outputs "a", "b" and a loss over both.
struct Net {
  Graph graph;
  std::vector<AdaptedLayer> modules = {module_of("a"), module_of("b")};
  std::vector<Value> trained;
  Feed feed;

  explicit Net(const AdapterDropout& dropout) {
    const Value x = graph.input("x", f32({kSamples, kTokens, kIn}));
    Value sum;
    for (const AdaptedLayer& m : modules) {
      graph.set_scope(m.path);
      const Value y = linear(x, graph.constant("w." + m.key, f32({kOut, kIn})));
      graph.output(m.path.substr(5), y);
      graph.set_scope("");
      sum = sum ? add(sum, mul(y, y)) : mul(y, graph.input("dy", y.type()));
    }
    graph.output("loss", mean(sum));
    for (const AttachedLayer& one : attach_adapter(graph, lora_adapter, modules, dropout))
      trained.insert(trained.end(), one.tensors.begin(), one.tensors.end());
    for (Node& node : graph.nodes()) {
      if (!is_leaf(node)) continue;
      HostTensor values(node.type().shape);
      Rng rng(7, 0, feed.size());
      for (double& v : values.data()) v = rng.normal();
      feed.emplace(node.scope(), std::move(values));
    }
    set_step(1);
  }
  void set_step(uint64_t step) {
    const RandomKey key = random_key(9, purpose::network_dropout, step);
    HostTensor words({4});
    for (size_t i = 0; i < 4; ++i) words.data()[i] = static_cast<int32_t>(key[i]);
    feed["dropout_key"] = words;
  }
  HostTensor run(std::string_view output) const { return Interpreter(graph, feed).output(output); }
  double at(const std::string& tensor, int64_t i) const { return feed.find(tensor)->second[i]; }

  /// The result of sd-scripts' LoRAModule.forward for `module` with these random numbers: `element` belongs to
  /// torch.nn.functional.dropout, `rank` to the mask over samples and ranks, `whole` to the module.
  std::vector<double> expected(size_t module, const AdapterDropout& d, uint32_t stream) const {
    const std::string& key = modules[module].key;
    const RandomKey words = random_key(9, purpose::network_dropout, 1);
    Rng element(words, stream), rank(words, stream + 1), whole(words, stream + 2);
    const bool left_out = whole.uniform() < d.module;
    std::vector<bool> kept;
    for (int64_t i = 0; i < kSamples * kRank; ++i) kept.push_back(rank.uniform() >= d.rank);
    const double scale = 2.0 / kRank / (1 - d.rank);
    std::vector<double> y;
    for (int64_t n = 0; n < kSamples; ++n)
      for (int64_t t = 0; t < kTokens; ++t) {
        const int64_t row = (n * kTokens + t) * kIn;
        double low[kRank];
        for (int64_t r = 0; r < kRank; ++r) {
          low[r] = 0;
          for (int64_t i = 0; i < kIn; ++i) low[r] += at("x", row + i) * at(key + ".lora_down.weight", r * kIn + i);
          low[r] *= element.uniform() < d.network ? 0 : 1 / (1 - d.network);
          low[r] *= kept[static_cast<size_t>(n * kRank + r)] && !left_out;
        }
        for (int64_t o = 0; o < kOut; ++o) {
          double sum = 0;
          for (int64_t i = 0; i < kIn; ++i) sum += at("x", row + i) * at("w." + key, o * kIn + i);
          for (int64_t r = 0; r < kRank; ++r) sum += scale * low[r] * at(key + ".lora_up.weight", o * kRank + r);
          y.push_back(sum);
        }
      }
    return y;
  }
};

double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double most = 0;
  for (size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

}  // namespace

TEST_CASE("each kind of dropout does to a module what sd-scripts' forward does, with numbers of the module's own") {
  for (const AdapterDropout& d : {AdapterDropout{0.4, 0, 0}, {0, 0.4, 0}, {0, 0, 0.5}, {0.3, 0.3, 0.3}}) {
    CAPTURE(d.network);
    CAPTURE(d.rank);
    CAPTURE(d.module);
    const Net net(d);
    CHECK(distance(net.run("a").data(), net.expected(0, d, 0)) < 1e-12);
    CHECK(distance(net.run("b").data(), net.expected(1, d, 3)) < 1e-12);
  }
}

TEST_CASE("the mean over many steps is the update without dropout; the whole module's is what is left of it") {
  for (const AdapterDropout& d : {AdapterDropout{0.3, 0, 0}, {0, 0.3, 0}, {0, 0, 0.3}}) {
    CAPTURE(d.network);
    CAPTURE(d.rank);
    CAPTURE(d.module);
    Net net(d);
    const std::vector<double> plain = Net({}).run("a").data();
    Feed without = net.feed;
    without["lora_unet_a.lora_up.weight"] = HostTensor({kOut, kRank});
    const std::vector<double> base = Interpreter(net.graph, without).output("a").data();
    constexpr int kSteps = 2000;
    std::vector<double> mean(plain.size());
    for (int step = 1; step <= kSteps; ++step) {
      net.set_step(static_cast<uint64_t>(step));
      const HostTensor y = net.run("a");
      for (size_t i = 0; i < mean.size(); ++i) mean[i] += y.data()[i] / kSteps;
    }
    double along = 0, whole = 0;  // how much of the update there is, measured along the update
    for (size_t i = 0; i < mean.size(); ++i) {
      along += (mean[i] - base[i]) * (plain[i] - base[i]);
      whole += (plain[i] - base[i]) * (plain[i] - base[i]);
    }
    CHECK(along / whole == doctest::Approx(1 - d.module).epsilon(0.06));
  }
}

TEST_CASE("gradients under dropout agree with central differences while the masks stay") {
  Net net({0.3, 0.2, 0.2});
  Graph& g = net.graph;
  const std::vector<Value> gradients = append_gradients(g, g.outputs().at("loss"), net.trained, fill(g, f32({}), 1.0));
  for (size_t i = 0; i < gradients.size(); ++i) g.output(net.trained[i].node().scope() + "'", gradients[i]);
  int zeros = 0;
  for (uint64_t step = 1; step <= 4; ++step) {
    net.set_step(step);
    const Interpreter by_rule(g, net.feed);
    for (const Value& w : net.trained) {
      const std::string name = w.node().scope();
      CAPTURE(name);
      const HostTensor rule = by_rule.output(name + "'");
      HostTensor& values = net.feed.find(name)->second;
      for (int64_t e = 0; e < values.count(); ++e) {
        const double kept = values[e];
        values[e] = kept + 1e-5;
        const double above = net.run("loss")[0];
        values[e] = kept - 1e-5;
        const double below = net.run("loss")[0];
        values[e] = kept;
        REQUIRE(rule[e] == doctest::Approx((above - below) / 2e-5).epsilon(1e-5).scale(1));
        zeros += rule[e] == 0;
      }
    }
  }
  CHECK(zeros > 0);
}

TEST_CASE("without dropout the rewrite asks for no key and draws nothing") {
  const Net net({});
  for (const Node& node : net.graph.nodes()) CHECK(&node.op() != &dropout_op);
  for (const Value& input : net.graph.leaves(input_op)) CHECK(input.node().scope() != "dropout_key");
}
