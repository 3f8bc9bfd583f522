#pragma once
#include <vector>

#include "graph/graph.h"
#include "step/step_settings.h"

namespace rankine {

/// Forward, loss and backward. Gradients are left in variables "grad.NAME" of the trained tensors.
/// Inputs: "noisy_latents", "target" f32 [N, h, w, 4], "timesteps" f32 [N], "loss_weights" f32 [N], "loss_scale" f32
/// [], those of sample_losses, "keep" f32 [] when accumulating; "ids" i32 [N, chunks, 77] when the text encoder is
/// trained, else "context" f32 [N, tokens, width]; "token_weights" f32 [N, tokens, 1] with weighted_captions,
/// "dropout_key" i32 [4] with dropout. Outputs: "loss" f32 [], "sample_losses" f32 [N]. Gives the variables that get a
/// gradient.
std::vector<Value> build_step_graph(Graph& graph, const StepSettings& settings, const StepShape& shape);

/// Forward and loss alone, with the weights in the forms of build_step_graph. Inputs and outputs are those of it, but
/// for "loss_scale" and "keep".
void build_validation_graph(Graph& graph, const StepSettings& settings, const StepShape& shape);

/// The frozen text encoder alone: input "ids" i32 [N, chunks, 77] -> output "context" f32 [N, tokens, width].
void build_text_graph(Graph& graph, const StepSettings& settings, int64_t batch, int64_t chunks);

/// The U-Net with its LoRA: inputs "latents" f32 [N, h, w, 4], "timesteps" f32 [N], "context" f32 [N, tokens, width]
/// -> output "prediction" f32 [N, h, w, 4].
void build_unet_graph(Graph& graph, const StepSettings& settings, const StepShape& shape);

}  // namespace rankine
