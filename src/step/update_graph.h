#pragma once
#include <span>

#include "graph/graph.h"
#include "optim/optimizer.h"
#include "step/parameter_groups.h"
#include "step/step_settings.h"

namespace rankine {

// Inputs of an update, f32 [] each, beside rate_name of each group. The norm is an output of its own graph too.
inline constexpr std::string_view kUpdateStep = "step", kUnscale = "unscale", kGradNorm = "grad_norm";

/// The norm of all gradients that steps left -> output kGradNorm f32 []. It is not finite if one of them is not, and
/// it is computed before an update changes anything.
void build_grad_norm_graph(Graph& graph, std::span<const UpdatedVariable> variables);

/// Clipping and the optimiser over these gradients. Inputs, f32 [] each: kUpdateStep, kUnscale (a factor on the
/// gradients), kGradNorm with that factor (where they are clipped), and rate_name of each group that has a trained
/// tensor. Outputs: rate_name f32 [] of each group, and the values that the optimiser logs.
void build_update_graph(Graph& graph, std::span<const UpdatedVariable> variables, const Optimizer& optimizer,
                        double max_grad_norm);

/// Rounds the updated weights to `dtype`; they stay f32 in memory.
void build_rounding_graph(Graph& graph, std::span<const UpdatedVariable> variables, DType dtype);

/// Limits the norm of each trained module (scale_weight_norms). Outputs f32 []: "max_norm/keys_scaled",
/// "max_norm/average_key_norm", "max_norm/max_key_norm", as sd-scripts logs them.
void build_norm_limit_graph(Graph& graph, const StepSettings& settings, double limit);

}  // namespace rankine
