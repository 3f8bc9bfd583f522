#include "train/step_graph.h"

#include <map>

#include "diffusion/loss_graph.h"
#include "graph/ops/ops.h"
#include "graph/passes/compile.h"
#include "train/parameter_groups.h"

namespace rankine {
namespace {

Type f32(Shape shape) { return {std::move(shape), DType::f32}; }

Value text_states(Graph& graph, const StepSettings& s, int64_t batch, int64_t chunks) {
  const Value ids = graph.input("ids", {{batch, chunks, s.model.text.positions}, DType::i32});
  return clip_text({graph, "text_encoder"}, s.model.text, ids, s.clip_skip, s.compute);
}

Value context_input(Graph& graph, const StepSettings& s, const StepShape& shape) {
  return cast(graph.input("context", f32({shape.batch, shape.context_tokens(), s.model.text.width})), s.compute);
}

Value predict(Graph& graph, const StepSettings& s, const StepShape& shape, Value latents, Value context) {
  const Value timesteps = graph.input("timesteps", f32({shape.batch}));
  return cast(unet({graph, "unet"}, s.model.unet, cast(latents, s.compute), timesteps, context), DType::f32);
}

/// The forms of frozen weights are the same in all graphs of a session, so that none is there twice.
Target forward_target(const StepSettings& s) {
  Target target;
  target.kept_plain = s.kept_plain;
  target.kept_direct = s.kept_direct;
  target.conv_algorithm = s.conv_algorithm;
  return target;
}

/// Appends the forward pass and its loss.
void append_loss(Graph& graph, const StepSettings& s, const StepShape& shape) {
  const Shape picture = {shape.batch, shape.height, shape.width, s.model.unet.latent_channels};
  const Value noisy = graph.input("noisy_latents", f32(picture)), target = graph.input("target", f32(picture));
  const Value weights = graph.input("loss_weights", f32({shape.batch}));
  Value context =
      s.train_text_encoder ? text_states(graph, s, shape.batch, shape.chunks) : context_input(graph, s, shape);
  if (s.weighted_captions)
    context =
        mul(context, cast(graph.input("token_weights", f32({shape.batch, shape.context_tokens(), 1})), s.compute));
  const Value prediction = predict(graph, s, shape, noisy, context);
  graph.set_scope("loss");
  const Value losses = mul(sample_losses(graph, {s.loss_type, s.masked_loss}, prediction, target), weights);
  graph.output("sample_losses", losses);
  graph.output("loss", mean(losses));
  graph.set_scope("");
}

std::vector<Value> gradient_variables(Graph& graph, std::span<const Value> trained) {
  std::vector<Value> gradients;
  for (const Value& w : trained) gradients.push_back(graph.variable(gradient_name(w.node().scope()), w.type()));
  return gradients;
}

}  // namespace

std::vector<Value> build_step_graph(Graph& graph, const StepSettings& s, const StepShape& shape) {
  append_loss(graph, s, shape);
  Target target_of_passes = forward_target(s);
  for (const LoraWeights& lora : attach_lora(graph, s.modules, s.dropout))
    if (s.trains(*lora.module)) target_of_passes.trained.insert(target_of_passes.trained.end(), {lora.down, lora.up});
  target_of_passes.accumulate = s.accumulate;
  target_of_passes.gradients = s.trained;
  target_of_passes.recomputed = [&](std::string_view value) { return s.gradient_checkpointing || s.recomputed(value); };
  compile(graph, target_of_passes);

  std::vector<Value> with_gradient;
  for (const Value& variable : graph.leaves(variable_op))
    for (const Value& trained : target_of_passes.trained)
      if (gradient_name(trained.node().scope()) == variable.node().scope()) with_gradient.push_back(trained);
  return with_gradient;
}

void build_validation_graph(Graph& graph, const StepSettings& s, const StepShape& shape) {
  append_loss(graph, s, shape);
  attach_lora(graph, s.modules);
  compile(graph, forward_target(s));
}

void build_text_graph(Graph& graph, const StepSettings& s, int64_t batch, int64_t chunks) {
  graph.output("context", cast(text_states(graph, s, batch, chunks), DType::f32));
  attach_lora(graph, s.modules);
  compile(graph, {});
}

void build_unet_graph(Graph& graph, const StepSettings& s, const StepShape& shape) {
  const Value latents =
      graph.input("latents", f32({shape.batch, shape.height, shape.width, s.model.unet.latent_channels}));
  graph.output("prediction", predict(graph, s, shape, latents, context_input(graph, s, shape)));
  attach_lora(graph, s.modules);
  compile(graph, forward_target(s));
}

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
  for (const LoraModule& module : s.modules) {
    if (!s.trains(module)) continue;
    const Value down = graph.variable(module.key + ".lora_down.weight", f32(module.down_shape()));
    const Value up = graph.variable(module.key + ".lora_up.weight", f32(module.up_shape()));
    for (const Value& weight : {down, up}) graph.assign(weight, rounded_to(weight, s.trained));
  }
}

void build_norm_limit_graph(Graph& graph, const StepSettings& s, double limit) {
  std::vector<Value> norms;
  for (const LoraModule& module : s.modules) {
    if (!s.trains(module)) continue;
    const Value down = graph.variable(module.key + ".lora_down.weight", f32(module.down_shape()));
    const Value up = graph.variable(module.key + ".lora_up.weight", f32(module.up_shape()));
    graph.set_scope(module.key);
    const Value limited = graph.add(limit_norm_op, {down, up}, {{"limit", limit}, {"scale", module.scale()}});
    graph.assign(down, limited);
    graph.assign(up, {&limited.node(), 1});
    norms.push_back({&limited.node(), 2});
  }
  graph.set_scope("");
  const Value statistics = graph.add(norm_statistics_op, norms, {{"limit", limit}});
  graph.output("max_norm/keys_scaled", statistics);
  graph.output("max_norm/average_key_norm", {&statistics.node(), 1});
  graph.output("max_norm/max_key_norm", {&statistics.node(), 2});
}

}  // namespace rankine
