#pragma once
#include <span>

#include "graph/graph.h"
#include "optim/optimizer.h"
#include "step/parameter_groups.h"
#include "step/step_settings.h"

namespace rankine {

/// The norm of all gradients that steps left -> output "grad_norm" f32 []. It is not finite if one of them is not, and
/// it is computed before an update changes anything.
void build_grad_norm_graph(Graph& graph, std::span<const UpdatedVariable> variables);

/// Clipping and the optimiser over these gradients. Inputs, f32 [] each: "step", "unscale", a factor on the gradients,
/// "grad_norm" with that factor (where they are clipped), and "lr.GROUP" for each group that has a trained tensor.
/// Outputs: "lr.GROUP" f32 [] of each group, and the values that the optimiser logs.
void build_update_graph(Graph& graph, std::span<const UpdatedVariable> variables, const Optimizer& optimizer,
                        double max_grad_norm);

/// Rounds the updated weights to `dtype`; they stay f32 in memory.
void build_rounding_graph(Graph& graph, std::span<const UpdatedVariable> variables, DType dtype);

/// Limits the norm of each trained module (scale_weight_norms). Outputs f32 []: "max_norm/keys_scaled",
/// "max_norm/average_key_norm", "max_norm/max_key_norm", as sd-scripts logs them.
void build_norm_limit_graph(Graph& graph, const StepSettings& settings, double limit);

}  // namespace rankine
