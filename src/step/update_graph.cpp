#include "step/update_graph.h"

#include <map>

#include "graph/ops/ops.h"
#include "graph/passes/compile.h"

namespace rankine {
namespace {

Type f32(Shape shape) { return {std::move(shape), DType::f32}; }

Value weight_variable(Graph& graph, const UpdatedVariable& v) { return graph.variable(v.name, f32(v.shape)); }
Value gradient_variable(Graph& graph, const UpdatedVariable& v) {
  return graph.variable(gradient_name(v.name), f32(v.shape));
}

std::vector<Value> trained_tensors(Graph& graph, const AdapterKind& kind, const AdaptedLayer& layer) {
  std::vector<Value> tensors;
  for (const AdapterTensor& tensor : kind.tensors(layer))
    tensors.push_back(graph.variable(tensor_name(layer, tensor), f32(tensor.shape)));
  return tensors;
}

}  // namespace

void build_grad_norm_graph(Graph& graph, std::span<const UpdatedVariable> variables) {
  check(!variables.empty(), "nothing is trained: every learning rate is 0, or no module is adapted");
  std::vector<Value> gradients;
  for (const UpdatedVariable& variable : variables) gradients.push_back(gradient_variable(graph, variable));
  graph.output(kGradNorm, grad_norm(gradients));
}

void build_update_graph(Graph& graph, std::span<const UpdatedVariable> variables, const Optimizer& optimizer,
                        double max_grad_norm) {
  Value factor = graph.input(kUnscale, f32({}));
  if (max_grad_norm > 0) factor = mul(factor, clip_factor(graph.input(kGradNorm, f32({})), max_grad_norm));
  const Value step = graph.input(kUpdateStep, f32({}));
  std::vector<UpdateInputs> parameters;
  std::map<std::string, Value> rates;  // by the input's name
  for (const UpdatedVariable& variable : variables) {
    const std::string rate = rate_name(variable.group);
    const Value lr = rates[rate] = graph.input(rate, f32({}));
    parameters.push_back({weight_variable(graph, variable), gradient_variable(graph, variable), factor, lr, step,
                          variable.group, variable.leads});
  }
  optimizer.append_updates(graph, parameters);
  for (const auto& [rate, lr] : rates)  // unless the optimiser computes the rate and outputs it
    if (!graph.outputs().contains(rate)) graph.output(rate, lr);
}

void build_rounding_graph(Graph& graph, std::span<const UpdatedVariable> variables, DType dtype) {
  for (const UpdatedVariable& variable : variables) {
    const Value weight = weight_variable(graph, variable);
    graph.assign(weight, rounded_to(weight, dtype));
  }
}

void build_norm_limit_graph(Graph& graph, const StepSettings& s, double limit) {
  std::vector<Value> norms;
  check(s.adapter->limit_norm, "a ", s.adapter->name, " has no rule for the norm of its update");
  for (const AdaptedLayer& layer : s.layers) {
    if (!s.trains(layer)) continue;
    const std::vector<Value> tensors = trained_tensors(graph, *s.adapter, layer);
    graph.set_scope(layer.key);
    const LimitedTensors limited = s.adapter->limit_norm(layer, tensors, limit);
    for (size_t i = 0; i < tensors.size(); ++i) graph.assign(tensors[i], limited.tensors[i]);
    norms.push_back(limited.norm);
  }
  graph.set_scope("");
  const Value statistics = graph.add(norm_statistics_op, norms, {{"limit", limit}});
  graph.output("max_norm/keys_scaled", statistics);
  graph.output("max_norm/average_key_norm", {&statistics.node(), 1});
  graph.output("max_norm/max_key_norm", {&statistics.node(), 2});
}

}  // namespace rankine
