#include "step/step_graph.h"

#include "diffusion/loss_graph.h"
#include "graph/ops/ops.h"
#include "graph/passes/compile.h"
#include "network/attach_adapter.h"

namespace rankine {
namespace {

Type f32(Shape shape) { return {std::move(shape), DType::f32}; }

Shape with_batch(int64_t batch, Shape shape) {
  shape.insert(shape.begin(), batch);
  return shape;
}

Shape latents_shape(const StepSettings& s, const StepShape& shape) {
  return {shape.batch, shape.height, shape.width, s.model->latents().channels};
}

std::vector<Value> encode_text(Graph& graph, const StepSettings& s, int64_t batch, const TextShape& text) {
  const Value ids = graph.input(kIds, {with_batch(batch, s.model->ids_shape(text.chunks)), DType::i32});
  return s.model->encode_text(graph, ids, text, s.clip_skip, s.compute);
}

/// The states of a frozen text encoder, which somebody else has computed.
std::vector<Value> condition_inputs(Graph& graph, const StepSettings& s, const StepShape& shape) {
  std::vector<Value> inputs;
  for (const ConditionSpec& spec : s.model->condition(shape.text()))
    inputs.push_back(cast(graph.input(spec.name, f32(with_batch(shape.batch, spec.shape))), s.compute));
  return inputs;
}

/// Multiplies the states of weighted captions.
void weigh_tokens(Graph& graph, const StepSettings& s, const StepShape& shape, std::vector<Value>& condition) {
  const std::vector<ConditionSpec> specs = s.model->condition(shape.text());
  for (size_t i = 0; i < specs.size(); ++i) {
    if (!specs[i].per_token) continue;
    const Value weights = graph.input(kTokenWeights, f32({shape.batch, specs[i].shape[0], 1}));
    condition[i] = mul(condition[i], cast(weights, s.compute));
  }
}

Value predict(Graph& graph, const StepSettings& s, const StepShape& shape, Value latents,
              std::span<const Value> condition) {
  const Value timesteps = graph.input(kTimesteps, f32({shape.batch}));
  const Value sizes = s.model->reads_sizes() ? graph.input(kSizes, f32({shape.batch, kSizeNumbers})) : Value{};
  return cast(s.model->denoise(graph, cast(latents, s.compute), timesteps, condition, sizes), DType::f32);
}

/// The forms of frozen weights are the same in all graphs of a session, so that none is there twice.
Target forward_target(const StepSettings& s) {
  Target target;
  target.memory.weight_forms = s.memory.weight_forms;
  target.in_file = s.in_file;
  target.device = s.device;
  target.conv_algorithm = s.conv_algorithm;
  return target;
}

/// Appends the forward pass and its loss.
void append_loss(Graph& graph, const StepSettings& s, const StepShape& shape) {
  const Shape picture = latents_shape(s, shape);
  const Value noisy = graph.input(kNoisyLatents, f32(picture)), target = graph.input(kTarget, f32(picture));
  const Value weights = graph.input(kLossWeights, f32({shape.batch}));
  std::vector<Value> condition =
      s.train_text_encoder ? encode_text(graph, s, shape.batch, shape.text()) : condition_inputs(graph, s, shape);
  if (s.weighted_captions) weigh_tokens(graph, s, shape, condition);
  const Value prediction = predict(graph, s, shape, noisy, condition);
  graph.set_scope("loss");
  const Value losses = mul(sample_losses(graph, {s.loss_type, s.masked_loss}, prediction, target), weights);
  graph.output(kSampleLosses, losses);
  graph.output(kLoss, mean(losses));
  graph.set_scope("");
}

}  // namespace

std::vector<Value> build_step_graph(Graph& graph, const StepSettings& s, const StepShape& shape) {
  append_loss(graph, s, shape);
  Target target_of_passes = forward_target(s);
  for (const AttachedLayer& one : attach_adapter(graph, *s.adapter, s.layers, s.dropout))
    if (s.trains(*one.layer))
      target_of_passes.trained.insert(target_of_passes.trained.end(), one.tensors.begin(), one.tensors.end());
  target_of_passes.accumulate = s.accumulate;
  target_of_passes.gradients = s.trained;
  target_of_passes.memory = s.memory;
  target_of_passes.recompute_all = s.gradient_checkpointing;
  compile(graph, target_of_passes);

  std::vector<Value> with_gradient;
  for (const Value& variable : graph.leaves(variable_op))
    for (const Value& trained : target_of_passes.trained)
      if (gradient_name(trained.node().scope()) == variable.node().scope()) with_gradient.push_back(trained);
  return with_gradient;
}

void build_validation_graph(Graph& graph, const StepSettings& s, const StepShape& shape) {
  append_loss(graph, s, shape);
  attach_adapter(graph, *s.adapter, s.layers);
  compile(graph, forward_target(s));
}

void build_text_graph(Graph& graph, const StepSettings& s, int64_t batch, const TextShape& text) {
  const std::vector<Value> states = encode_text(graph, s, batch, text);
  const std::vector<ConditionSpec> specs = s.model->condition(text);
  for (size_t i = 0; i < specs.size(); ++i) graph.output(specs[i].name, cast(states[i], DType::f32));
  attach_adapter(graph, *s.adapter, s.layers);
  Target target;
  target.device = s.device;
  compile(graph, target);
}

ConditionNumbers read_condition(Executable& executable, std::span<const ConditionSpec> specs, int64_t batch) {
  ConditionNumbers condition;
  for (const ConditionSpec& spec : specs) {
    condition.emplace_back(static_cast<size_t>(batch * count_of(spec.shape)));
    executable.get_output(spec.name, condition.back());
  }
  return condition;
}

void build_denoiser_graph(Graph& graph, const StepSettings& s, const StepShape& shape) {
  const Value latents = graph.input(kLatents, f32(latents_shape(s, shape)));
  graph.output(kPrediction, predict(graph, s, shape, latents, condition_inputs(graph, s, shape)));
  attach_adapter(graph, *s.adapter, s.layers);
  compile(graph, forward_target(s));
}

}  // namespace rankine
