#pragma once
#include <vector>

#include "backend/backend.h"
#include "graph/graph.h"
#include "step/step_settings.h"

namespace rankine {

// Names of the graphs' inputs and outputs; others stand in models/model.h, graph/passes/compile.h,
// diffusion/loss_graph.h and network/adapter.h.
inline constexpr std::string_view kNoisyLatents = "noisy_latents", kTarget = "target";
inline constexpr std::string_view kLossWeights = "loss_weights", kTokenWeights = "token_weights";
inline constexpr std::string_view kSampleLosses = "sample_losses", kPrediction = "prediction";

/// Forward, loss and backward. Gradients are left in variables "grad.NAME" of the trained tensors.
/// Inputs: kNoisyLatents, kTarget f32 [N, h, w, channels], kTimesteps f32 [N], kSizes f32 [N, kSizeNumbers] if the
/// model reads them, kLossWeights f32 [N], kLossScale f32 [], those of sample_losses, kKeep f32 [] when accumulating;
/// kIds i32 [N, ...] of Model::ids_shape when the text encoder is trained, else those of Model::condition;
/// kTokenWeights f32 [N, tokens, 1] with weighted_captions, kDropoutKey i32 [4] with dropout. Outputs: kLoss f32 [],
/// kSampleLosses f32 [N]. Gives the variables that get a gradient.
std::vector<Value> build_step_graph(Graph& graph, const StepSettings& settings, const StepShape& shape);

/// Forward and loss alone, with the weights in the forms of build_step_graph. It has the same inputs and outputs,
/// except for kLossScale and kKeep.
void build_validation_graph(Graph& graph, const StepSettings& settings, const StepShape& shape);

/// The text encoders alone: input kIds i32 [N, ...] of Model::ids_shape -> outputs of Model::condition, f32.
void build_text_graph(Graph& graph, const StepSettings& settings, int64_t batch, const TextShape& text);

/// The outputs of a text graph after its run.
ConditionNumbers read_condition(Executable& executable, std::span<const ConditionSpec> specs, int64_t batch);

/// The denoiser with its adapter: inputs kLatents f32 [N, h, w, channels], kTimesteps f32 [N], kSizes f32 [N,
/// kSizeNumbers] if the model reads them, and those of Model::condition, f32 -> output kPrediction f32 [N, h, w,
/// channels].
void build_denoiser_graph(Graph& graph, const StepSettings& settings, const StepShape& shape);

}  // namespace rankine
