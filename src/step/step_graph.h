#pragma once
#include <vector>

#include "backend/backend.h"
#include "graph/graph.h"
#include "step/step_settings.h"

namespace rankine {

/// Forward, loss and backward. Gradients are left in variables "grad.NAME" of the trained tensors.
/// Inputs: "noisy_latents", "target" f32 [N, h, w, 4], "timesteps" f32 [N], "loss_weights" f32 [N], "loss_scale" f32
/// [], those of sample_losses, "keep" f32 [] when accumulating; "ids" i32 [N, ...] of Model::ids_shape when the text
/// encoder is trained, else those of Model::condition; "token_weights" f32 [N, tokens, 1] with weighted_captions,
/// "dropout_key" i32 [4] with dropout. Outputs: "loss" f32 [], "sample_losses" f32 [N]. Gives the variables that get a
/// gradient.
std::vector<Value> build_step_graph(Graph& graph, const StepSettings& settings, const StepShape& shape);

/// Forward and loss alone, with the weights in the forms of build_step_graph. It has the same inputs and outputs,
/// except for "loss_scale" and "keep".
void build_validation_graph(Graph& graph, const StepSettings& settings, const StepShape& shape);

/// The text encoders alone: input "ids" i32 [N, ...] of Model::ids_shape -> outputs of Model::condition, f32.
void build_text_graph(Graph& graph, const StepSettings& settings, int64_t batch, const TextShape& text);

/// The outputs of a text graph after its run.
ConditionNumbers read_condition(Executable& executable, std::span<const ConditionSpec> specs, int64_t batch);

/// The denoiser with its adapter: inputs "latents" f32 [N, h, w, channels], "timesteps" f32 [N] and those of
/// Model::condition, f32 -> output "prediction" f32 [N, h, w, channels].
void build_denoiser_graph(Graph& graph, const StepSettings& settings, const StepShape& shape);

}  // namespace rankine
