#include "step/step_graph.h"

#include "diffusion/loss_graph.h"
#include "graph/ops/ops.h"
#include "graph/passes/compile.h"

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
  target.memory.weight_forms = s.memory.weight_forms;
  target.device = s.device;
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

}  // namespace

std::vector<Value> build_step_graph(Graph& graph, const StepSettings& s, const StepShape& shape) {
  append_loss(graph, s, shape);
  Target target_of_passes = forward_target(s);
  for (const LoraWeights& lora : attach_lora(graph, s.layers, s.dropout))
    if (s.trains(*lora.module)) target_of_passes.trained.insert(target_of_passes.trained.end(), {lora.down, lora.up});
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
  attach_lora(graph, s.layers);
  compile(graph, forward_target(s));
}

void build_text_graph(Graph& graph, const StepSettings& s, int64_t batch, int64_t chunks) {
  graph.output("context", cast(text_states(graph, s, batch, chunks), DType::f32));
  attach_lora(graph, s.layers);
  Target target;
  target.device = s.device;
  compile(graph, target);
}

void build_unet_graph(Graph& graph, const StepSettings& s, const StepShape& shape) {
  const Value latents =
      graph.input("latents", f32({shape.batch, shape.height, shape.width, s.model.unet.latent_channels}));
  graph.output("prediction", predict(graph, s, shape, latents, context_input(graph, s, shape)));
  attach_lora(graph, s.layers);
  compile(graph, forward_target(s));
}

}  // namespace rankine
