#include <doctest/doctest.h>

#include <array>

#include "graph/autodiff.h"
#include "graph/feeds.h"
#include "graph/ops/ops.h"
#include "graph/passes/compile.h"
#include "graph/passes/fuse_activation.h"
#include "graph/passes/fuse_lora.h"
#include "graph/passes/fuse_residual.h"
#include "graph/passes/lower_pointwise.h"
#include "graph/passes/recompute.h"
#include "graph/passes/simplify.h"
#include "graph/print.h"
#include "graph/verify.h"

using namespace rankine;

namespace {

Type f32(Shape shape) { return {std::move(shape), DType::f32}; }

int count(const Graph& g, const OpDef& op) {
  int n = 0;
  for (const Node& node : g.nodes()) n += &node.op() == &op;
  return n;
}

}  // namespace

TEST_CASE("simplify makes equal nodes one and drops what nobody reads") {
  Graph g;
  const Value x = g.input("x", f32({2, 3}));
  g.output("y", silu(x) + silu(x));
  gelu(x);
  simplify(g);
  verify(g, "simplify");
  CHECK(to_text(g) ==
        "%0 = input() : f32[2, 3]  # x\n"
        "%1 = silu(%0) : f32[2, 3]\n"
        "%2 = add(%1, %1) : f32[2, 3]\n"
        "output y = %2\n");
}

TEST_CASE("lower_pointwise turns a 1x1 convolution into a linear layer and leaves others alone") {
  Graph g;
  const Value x = g.input("x", f32({1, 4, 4, 3}));
  const Value y = conv2d(x, g.constant("a", f32({5, 3, 1, 1})), {}, {});
  g.output("y", conv2d(y, g.constant("b", f32({2, 5, 3, 3})), {}, Conv2dGeometry::same(3)));
  lower_pointwise(g);
  verify(g, "lower_pointwise");
  CHECK(count(g, conv2d_op) == 1);
  CHECK(count(g, linear_op) == 1);
}

TEST_CASE("fuse_activation joins a group norm with the silu that alone reads it") {
  Graph g;
  const Value x = g.input("x", f32({1, 4, 4, 8})), gain = g.constant("g", f32({8})), bias = g.constant("b", f32({8}));
  const Value shared = group_norm(x, gain, bias, 2, 1e-5);
  g.output("one", silu(group_norm(x, gain, bias, 4, 1e-5)));
  g.output("two", silu(shared) + shared);
  fuse_activation(g);
  verify(g, "fuse_activation");
  CHECK(count(g, silu_op) == 1);
}

TEST_CASE("fuse_lora joins a frozen layer with the low-rank path beside it, forward and backward, and nothing else") {
  Graph g;
  std::vector<Value> trained;
  const auto low = [&](const std::string& name, Value of, int64_t columns) {
    const Value down = g.variable(name + ".down", f32({2, of.dim(-1)})),
                up = g.variable(name + ".up", f32({columns, 2}));
    trained.insert(trained.end(), {down, up});
    return linear(linear(of, down), scale(up, 0.5));
  };
  const auto frozen = [&](const std::string& name, Value of, int64_t columns) {
    return linear(of, g.constant(name, f32({columns, of.dim(-1)})), g.constant(name + ".bias", f32({columns})));
  };
  const Value x = g.input("x", f32({2, 3, 4}));
  const Value a = frozen("a", x, 5) + low("a", x, 5);            // its input has no gradient
  const Value b = gelu(frozen("b", a, 4) + low("b", a, 4)) + x;  // a residual behind an activation
  const Value c = frozen("c", b, 4) + low("c", b, 4) + b;        // one beside the low path
  const Value other = linear(silu(linear(c, g.variable("d", f32({2, 4})))), g.variable("e", f32({4, 2})));
  g.output("loss", mean(mse_loss(frozen("f", c, 4) + other, x)));  // something between the two low products
  const std::vector<Value> gradients = append_gradients(g, g.outputs().at("loss"), trained, fill(g, f32({}), 1.0));
  for (size_t i = 0; i < trained.size(); ++i) g.output(trained[i].node().scope() + "'", gradients[i]);
  simplify(g);
  fuse_residual(g);
  verify(g, "fuse_residual");

  const auto leaf = [](const std::string& name, const Type& type) {
    HostTensor values(type.shape);
    for (int64_t i = 0; i < values.count(); ++i)
      values[i] = 0.5 * std::sin(static_cast<double>(i + 7 * static_cast<int64_t>(name.size())));
    return values;
  };
  const Interpreter before(g, leaf);
  fuse_lora(g);
  verify(g, "fuse_lora");
  fuse_residual(g);
  verify(g, "fuse_residual");
  CHECK(count(g, lora_linear_op) == 3);
  CHECK(count(g, lora_linear_grad_x_op) == 2);
  const Interpreter after(g, leaf);
  for (const auto& [name, value] : g.outputs()) {
    CAPTURE(name);
    CHECK(relative_error(after.output(name), before.output(name)) < 1e-12);
  }
}

TEST_CASE("where a layer's input is wider than its output, the last to read it stands before its gradient is made") {
  const auto input_is_gone = [](int64_t in, int64_t out) {
    Graph g;
    const auto adapted = [&](const std::string& name, Value of, int64_t columns) {
      const Value down = g.variable(name + ".down", f32({2, of.dim(-1)})),
                  up = g.variable(name + ".up", f32({columns, 2}));
      return std::pair(linear(of, g.constant(name, f32({columns, of.dim(-1)}))) + linear(linear(of, down), up),
                       std::vector<Value>{down, up});
    };
    const auto [x, first] = adapted("first", g.input("x", f32({3, 4})), in);
    const Value bent = gelu(x);
    const auto [y, second] = adapted("second", bent, out);
    g.output("loss", mean(mse_loss(y, g.input("target", f32({3, out})))));
    Target target;
    target.trained = {first[0], first[1], second[0], second[1]};
    compile(g, target);
    CHECK(count(g, lora_linear_grad_x_op) == 1);
    bool made = false, gone = true;
    for (const Node& node : g.nodes()) {
      made = made || &node.op() == &lora_linear_grad_x_op;
      for (const Value& input : node.inputs()) gone = gone && !(made && input == bent);
    }
    return gone;
  };
  CHECK(input_is_gone(9, 4));
  CHECK(!input_is_gone(4, 9));  // the low product of the gradient serves both
}

TEST_CASE("fuse_residual moves a sum into the product that makes one side of it, through views too") {
  Graph g;
  const Value x = g.input("x", f32({6, 4})), w = g.constant("w", f32({4, 4}));
  g.output("plain", linear(x, w) + x);
  const Value tokens = reshape(linear(silu(x), w), {2, 3, 4});
  g.output("viewed", tokens + g.input("r", f32({2, 3, 4})));
  const Value read_twice = linear(gelu(x), w);
  g.output("kept", read_twice + x);
  g.output("also", read_twice);
  Feed feed = random_feed(g, 3);
  feed.emplace("w", HostTensor({4, 4}, std::vector<double>(16, 0.25)));
  const Interpreter before(g, feed);
  fuse_residual(g);
  verify(g, "fuse_residual");
  CHECK(count(g, add_op) == 1);  // the product that somebody else reads keeps its sum
  const Interpreter after(g, feed);
  for (const char* name : {"plain", "viewed", "kept", "also"})
    CHECK(relative_error(after.output(name), before.output(name)) < 1e-12);
}

TEST_CASE("recompute gives the same gradients from fewer kept values") {
  const auto gradients = [](bool checkpointing, Feed feed, std::string* text) {
    Graph g;
    Value x = g.input("x", f32({3, 8}));
    std::vector<Value> trained;
    for (int i = 0; i < 3; ++i) {
      g.set_scope("net.layers." + std::to_string(i) + ".fc");
      trained.push_back(g.variable("w" + std::to_string(i), f32({8, 8})));
      x = linear(silu(x), trained.back()) + gelu(x);
    }
    g.output("loss", mean(mse_loss(x, g.input("target", f32({3, 8})))));
    Target target;
    target.trained = trained;
    target.recompute_all = checkpointing;
    compile(g, target);
    *text = to_text(g);
    for (const Value& v : g.leaves(variable_op))
      if (!feed.contains(v.node().scope())) feed.emplace(v.node().scope(), HostTensor(v.shape()));
    return Interpreter(g, feed).outputs();
  };
  Feed feed;
  for (const auto& [name, shape] : std::map<std::string, Shape>{
           {"x", {3, 8}}, {"target", {3, 8}}, {"w0", {8, 8}}, {"w1", {8, 8}}, {"w2", {8, 8}}, {"loss_scale", {}}}) {
    HostTensor t(shape);
    Rng rng(9, 0, feed.size());
    for (double& v : t.data()) v = rng.normal();
    feed.emplace(name, std::move(t));
  }
  std::string plain_text, recomputed_text;
  const auto plain = gradients(false, feed, &plain_text), recomputed = gradients(true, feed, &recomputed_text);
  CHECK(plain_text != recomputed_text);
  for (const char* name : {"loss", "grad.w0", "grad.w1", "grad.w2"})
    CHECK(relative_error(recomputed.at(name), plain.at(name)) < 1e-12);
}

TEST_CASE("recompute makes what was chosen again, and of the rest only what that needs and nobody keeps") {
  const auto ops = [](bool chosen, bool first_trained) {
    Graph g;
    g.set_scope("net.layers.0.fc");
    const Value v = g.variable("v", f32({8, 8})), w = g.variable("w", f32({8, 8}));
    const Value bent = silu(linear(g.input("x", f32({3, 8})), v));
    const Value wide = linear(bent, g.constant("c", f32({8, 8})));
    g.output("loss", mean(mse_loss(linear(gelu(mul(wide, bent)), w), g.input("target", f32({3, 8})))));
    Target target;
    target.trained = {w};
    if (first_trained) target.trained.push_back(v);
    if (chosen) target.memory.recomputed = {"net.layers.0.fc gelu"};
    compile(g, target);
    return std::array{count(g, linear_op), count(g, silu_op), count(g, gelu_op)};
  };
  CHECK(ops(false, false) == std::array{3, 1, 1});
  CHECK(ops(true, false) == std::array{5, 2, 2});  // gelu's input is kept by nobody, nor what that is made of
  CHECK(ops(true, true) == std::array{3, 1, 2});   // the gradients of gelu and of the product keep them
}

TEST_CASE("a module belongs to the residual block, transformer or text layer around it") {
  CHECK(block_of("unet.down_blocks.0.resnets.1.conv1") == "unet.down_blocks.0.resnets.1");
  CHECK(block_of("unet.up_blocks.3.attentions.2.transformer_blocks.0.attn1.to_q") == "unet.up_blocks.3.attentions.2");
  CHECK(block_of("text_encoder.text_model.encoder.layers.11.mlp.fc1") == "text_encoder.text_model.encoder.layers.11");
  CHECK(block_of("unet.conv_in").empty());
}

TEST_CASE("verify names the pass that left a node before what it reads") {
  Graph g;
  const Value x = g.input("x", f32({2}));
  const Value a = silu(x), b = gelu(a);
  g.output("y", b);
  g.move_before(b.node(), a.node());
  CHECK_THROWS_WITH_AS(verify(g, "shuffle"), doctest::Contains("after pass shuffle"), Error);
}

TEST_CASE("an op that does not fit says where, what was expected and what came") {
  Graph g;
  g.set_scope("unet.conv_in");
  const Value x = g.input("x", f32({1, 8, 8, 4})), w = g.constant("w", f32({320, 9, 3, 3}));
  CHECK_THROWS_WITH_AS(conv2d(x, w, {}, Conv2dGeometry::same(3)),
                       doctest::Contains("conv2d \"unet.conv_in\": input f32[1, 8, 8, 4]"), Error);
}
