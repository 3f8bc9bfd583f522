#include <doctest/doctest.h>

#include <cmath>

#include "backend/registry.h"
#include "base/half.h"
#include "graph/autodiff.h"
#include "graph/feeds.h"
#include "graph/op_cases.h"
#include "graph/passes/compile.h"
#include "graph/passes/fuse_residual.h"
#include "graph/passes/lower_ops.h"
#include "graph/passes/simplify.h"
#include "graph/verify.h"

using namespace rankine;

namespace {

/// Every input of the graph but token ids as a constant: frozen weights take other paths than trained ones.
class FeedConstants : public ConstantSource {
 public:
  explicit FeedConstants(const Feed& feed) : feed_(feed) {}
  /// Keeps the constant in the type of a "file", too.
  void store(const std::string& name, DType type) {
    std::vector<std::byte>& bytes = stored_[name].second;
    for (const double v : feed_.find(name)->second.data()) {
      const auto value = static_cast<float>(v);
      const auto* from = reinterpret_cast<const std::byte*>(&value);
      const uint16_t half = type == DType::f16 ? f16_from_f32(value) : bf16_from_f32(value);
      if (type != DType::f32) from = reinterpret_cast<const std::byte*>(&half);
      bytes.insert(bytes.end(), from, from + size_of(type));
    }
    stored_[name].first = type;
  }
  void read(std::string_view name, const Shape&, std::span<float> out) override {
    const HostTensor& values = feed_.find(name)->second;
    for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(values[static_cast<int64_t>(i)]);
  }

  std::optional<StoredTensor> stored(std::string_view name) override {
    const auto found = stored_.find(name);
    if (found == stored_.end()) return {};
    return StoredTensor{found->second.second.data(), found->second.first};
  }

 private:
  const Feed& feed_;
  std::map<std::string, std::pair<DType, std::vector<std::byte>>, std::less<>> stored_;
};

/// Replaces the inputs "w", "g" and "b" by constants of the same names.
void freeze_weights(Graph& g, DType t) {
  for (const Value input : g.leaves(input_op)) {
    const std::string name = input.node().scope();
    if (name != "w" && name != "g" && name != "b") continue;
    const std::vector<Node*> users = input.node().users();
    const bool matrix = name == "w";
    for (Node* user : users)
      if (&user->op() == &cast_op && matrix) g.replace(user->output(), g.constant("frozen.w", {input.shape(), t}));
    if (!matrix || t == DType::f32) g.replace(input, g.constant("frozen." + name, input.type()));
  }
  remove_dead_nodes(g);
}

/// The number that a file of that type holds.
float rounded(float value, DType type) {
  if (type == DType::f16) return f32_from_f16(f16_from_f32(value));
  return type == DType::bf16 ? f32_from_bf16(bf16_from_f32(value)) : value;
}

enum class Weights { trained, frozen, frozen_plain, frozen_winograd, frozen_in_file };
constexpr Weights kAllWeights[] = {Weights::trained, Weights::frozen, Weights::frozen_plain, Weights::frozen_winograd};

void compare(const OpCase& c, DType t, Weights weights, double tolerance, bool decomposed = false,
             DType file = DType::f32) {
  CAPTURE(c.name);
  CAPTURE(name_of(t));
  CAPTURE(weights);
  Graph g;
  Value y = c.build(g, t);
  g.output("y", cast(y, DType::f32));
  if (weights != Weights::trained) freeze_weights(g, t);
  if (c.differentiable) {
    std::vector<Value> wrt;
    for (const Value x : g.leaves(input_op))
      if (x.dtype() == DType::f32) wrt.push_back(x);
    const Value weighted = cast(y, DType::f32) * g.input("dy", {y.shape(), DType::f32});
    const Value loss = scale(mean(weighted), static_cast<double>(y.type().count()));
    const std::vector<Value> gradients = append_gradients(g, loss, wrt, fill(g, {{}, DType::f32}, 1.0));
    for (size_t i = 0; i < wrt.size(); ++i) g.output(wrt[i].node().scope() + "'", gradients[i]);
  }
  simplify(g);
  fuse_residual(g);
  Target target;
  if (weights == Weights::frozen_winograd) target.conv_algorithm = "winograd";
  if (weights == Weights::frozen_plain)
    for (const Value constant : g.leaves(constant_op))
      target.memory.weight_forms.emplace(constant.node().scope(), "plain");
  if (weights == Weights::frozen_in_file)
    for (const Value constant : g.leaves(constant_op)) {
      target.memory.weight_forms.emplace(constant.node().scope(), "mapped");
      target.in_file.emplace(constant.node().scope(), file);
    }
  for (const Pass& pass : find_backend("cpu").device().passes()) pass.run(g, target);
  verify(g, "the device's passes");

  Feed feed = random_feed(g, 5);
  for (const Value constant : g.leaves(constant_op)) {
    HostTensor values(constant.shape());
    Rng rng(6, 0, static_cast<uint64_t>(constant.type().count()));
    for (double& v : values.data()) v = rounded(static_cast<float>(rng.normal()), file);
    feed.emplace(constant.node().scope(), std::move(values));
  }
  const Interpreter expected(g, feed);
  if (decomposed) lower(g, [](const OpDef& op) { return op.decompose == nullptr; });
  FeedConstants constants(feed);
  if (weights == Weights::frozen_in_file)
    for (const Value constant : g.leaves(constant_op)) constants.store(constant.node().scope(), file);
  const std::unique_ptr<Session> session = find_backend("cpu").open(constants);
  const std::unique_ptr<Executable> executable = session->compile(g);
  for (int run = 0; run < 2; ++run) {  // the second run must not depend on what the first left in memory
    for (const Value x : g.leaves(input_op)) {
      const HostTensor& values = feed.find(x.node().scope())->second;
      if (x.dtype() == DType::i32) {
        executable->set_input(x.node().scope(), std::vector<int32_t>(values.data().begin(), values.data().end()));
      } else {
        executable->set_input(x.node().scope(), std::vector<float>(values.data().begin(), values.data().end()));
      }
    }
    executable->run();
  }
  for (const auto& [name, value] : g.outputs()) {
    CAPTURE(name);
    std::vector<float> got(static_cast<size_t>(value.type().count()));
    executable->get_output(name, got);
    CHECK(relative_error({value.shape(), std::vector<double>(got.begin(), got.end())}, expected.output(name)) <
          tolerance);
  }
}

}  // namespace

TEST_CASE("every op on the CPU agrees with the reference in f32, trained or frozen, packed, plain or Winograd's") {
  for (const OpCase& c : op_cases())
    for (const Weights w : kAllWeights) compare(c, DType::f32, w, 2e-5);
}

// f16 has 11 bits. Winograd's transforms are taken in f32, as its products are.
TEST_CASE("every op on the CPU agrees with the reference in f16, trained or frozen, packed, plain or Winograd's") {
  for (const OpCase& c : op_cases())
    for (const Weights w : kAllWeights) compare(c, DType::f16, w, 2.5e-3);
}

// bf16 has 8 bits: a rounded input is off by up to 2^-9, and results of sums over them by about that.
TEST_CASE("every op on the CPU agrees with the reference in bf16, trained or frozen, packed, plain or Winograd's") {
  for (const OpCase& c : op_cases())
    for (const Weights w : kAllWeights) compare(c, DType::bf16, w, 2e-2);
}

TEST_CASE("every op on the CPU agrees with the reference when its weights stay in a file of any type") {
  constexpr std::pair<DType, double> kTypes[] = {{DType::f32, 2e-5}, {DType::f16, 2.5e-3}, {DType::bf16, 2e-2}};
  for (const OpCase& c : op_cases())
    for (const auto& [type, tolerance] : kTypes)
      for (const DType file : {DType::f32, DType::f16, DType::bf16}) {
        CAPTURE(name_of(file));
        compare(c, type, Weights::frozen_in_file, tolerance, /*decomposed=*/false, file);
      }
}

// Bias corrections such as 1 - beta^step lose digits in f32, which the fused kernels compute in double.
TEST_CASE("every op that decomposes agrees with its reference when the CPU runs the elementary ops instead") {
  for (const OpCase& c : op_cases()) compare(c, DType::f32, Weights::trained, 1e-4, /*decomposed=*/true);
}
