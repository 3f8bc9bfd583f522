#include "step/update_graph.h"

#include <map>

#include "graph/ops/ops.h"
#include "graph/passes/compile.h"

namespace rankine {
namespace {

Type f32(Shape shape) { return {std::move(shape), DType::f32}; }

std::vector<Value> gradient_variables(Graph& graph, std::span<const Value> trained) {
  std::vector<Value> gradients;
  for (const Value& w : trained) gradients.push_back(graph.variable(gradient_name(w.node().scope()), w.type()));
  return gradients;
}

std::vector<Value> trained_tensors(Graph& graph, const AdapterKind& kind, const AdaptedLayer& layer) {
  std::vector<Value> tensors;
  for (const AdapterTensor& tensor : kind.tensors(layer))
    tensors.push_back(graph.variable(tensor_name(layer, tensor), f32(tensor.shape)));
  return tensors;
}

}  // namespace

void build_grad_norm_graph(Graph& graph, std::span<const Value> trained) {
  check(!trained.empty(), "nothing is trained: every learning rate is 0, or no module is adapted");
  graph.output("grad_norm", grad_norm(gradient_variables(graph, trained)));
}

void build_update_graph(Graph& graph, std::span<const Value> trained, std::span<const ParameterGroup> groups,
                        const Optimizer& optimizer, double max_grad_norm) {
  const std::vector<Value> gradients = gradient_variables(graph, trained);
  Value factor = graph.input("unscale", f32({}));
  if (max_grad_norm > 0) factor = mul(factor, clip_factor(graph.input("grad_norm", f32({})), max_grad_norm));
  const Value step = graph.input("step", f32({}));
  std::map<std::string_view, const ParameterGroup*> group_of;
  for (const ParameterGroup& group : groups)
    for (const std::string& tensor : group.tensors) group_of.emplace(tensor, &group);
  std::vector<UpdateInputs> parameters;
  std::map<std::string, Value> rates;  // by the input's name
  for (size_t i = 0; i < trained.size(); ++i) {
    const std::string& name = trained[i].node().scope();
    const auto group = group_of.find(name);
    check(group != group_of.end(), name, " is in no group of parameters");
    const std::string rate = "lr." + group->second->name;
    const Value lr = rates[rate] = graph.input(rate, f32({}));
    parameters.push_back(
        {graph.variable(name, trained[i].type()), gradients[i], factor, lr, step, group->second->name});
  }
  optimizer.append_updates(graph, parameters);
  for (const auto& [rate, lr] : rates)  // unless the optimiser chose it and told it
    if (!graph.outputs().contains(rate)) graph.output(rate, lr);
}

void build_rounding_graph(Graph& graph, const StepSettings& s) {
  for (const AdaptedLayer& layer : s.layers) {
    if (!s.trains(layer)) continue;
    for (const Value& weight : trained_tensors(graph, *s.adapter, layer))
      graph.assign(weight, rounded_to(weight, s.trained));
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
