#include "graph/passes/compile.h"

#include "graph/autodiff.h"
#include "graph/ops/ops.h"
#include "graph/passes/fuse_activation.h"
#include "graph/passes/fuse_lora.h"
#include "graph/passes/fuse_residual.h"
#include "graph/passes/lower_ops.h"
#include "graph/passes/lower_pointwise.h"
#include "graph/passes/recompute.h"
#include "graph/passes/simplify.h"
#include "graph/print.h"
#include "graph/verify.h"

namespace rankine {

std::string gradient_name(std::string_view variable) { return "grad." + std::string(variable); }

Value rounded_to(Value x, DType dtype) { return cast(cast(x, dtype), x.dtype()); }

namespace {

/// Appends the backward graph; gradients go to variables named "grad.NAME". The input "loss_scale" is the gradient of
/// the loss itself: 1 / accumulation steps.
void autodiff(Graph& graph, const Target& target) {
  if (target.trained.empty()) return;
  const auto loss = graph.outputs().find(kLoss);
  check(loss != graph.outputs().end(), "training needs a graph with an output \"loss\"");
  const Value seed = graph.input(kLossScale, {{}, DType::f32});
  const std::vector<Value> gradients = append_gradients(graph, loss->second, target.trained, seed);
  graph.set_backward(true);
  for (size_t i = 0; i < gradients.size(); ++i) {
    if (!gradients[i]) continue;
    graph.set_scope(target.trained[i].node().scope());
    const Value sum = graph.variable(gradient_name(target.trained[i].node().scope()), gradients[i].type());
    const Value keep = target.accumulate ? graph.input(kKeep, {{}, DType::f32}) : Value{};
    const Value gradient = rounded_to(gradients[i], target.gradients);
    graph.assign(sum, keep ? rounded_to(accumulate(sum, gradient, keep), target.gradients) : gradient);
  }
  graph.set_backward(false);
  graph.set_scope("");
}

void lower_for_device(Graph& graph, const Target& target) {
  if (target.device) lower(graph, [&](const OpDef& op) { return target.device->has_kernel(op); });
}

void recompute_chosen(Graph& graph, const Target& target) {
  recompute(graph,
            [&](std::string_view value) { return target.recompute_all || target.memory.recomputed.contains(value); });
}

// The order is the documentation.
constexpr Pass passes[] = {
    {"lower_pointwise", [](Graph& g, const Target&) { lower_pointwise(g); }},  // 1x1 convolutions as linear layers
    {"fuse_activation", [](Graph& g, const Target&) { fuse_activation(g); }},  // norm and silu in one pass over memory
    {"autodiff", autodiff},                                                    // appends the backward graph
    {"simplify", [](Graph& g, const Target&) { simplify(g); }},                // equal nodes, dead nodes
    {"fuse_residual", [](Graph& g, const Target&) { fuse_residual(g); }},      // sums into products
    {"fuse_lora", [](Graph& g, const Target&) { fuse_lora(g); }},              // a linear layer and its LoRA as one
    {"fuse_residual", [](Graph& g, const Target&) { fuse_residual(g); }},      // sums that those have left
    {"lower_ops", lower_for_device},                                           // ops that the device has no kernel for
    {"recompute", recompute_chosen},                                           // activations computed again
    {"remove_dead_nodes", [](Graph& g, const Target&) { remove_dead_nodes(g); }},
};

}  // namespace

void compile(Graph& graph, const Target& target) {
  const auto run = [&](const Pass& pass) {
    pass.run(graph, target);
    verify(graph, pass.name);
    if (target.dump) {
      *target.dump << "# after " << pass.name << '\n';
      print(*target.dump, graph);
    }
  };
  for (const Pass& pass : passes) run(pass);
  if (!target.device) return;
  for (const Pass& pass : target.device->passes()) run(pass);
}

}  // namespace rankine
