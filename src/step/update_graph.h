#pragma once
#include <span>

#include "graph/graph.h"
#include "optim/optimizer.h"
#include "step/parameter_groups.h"
#include "step/step_settings.h"

namespace rankine {

/// The norm of all gradients that steps left -> output "grad_norm" f32 []. It is not finite when one of them is not:
/// known before an update has touched anything. `trained` comes from build_step_graph (any graph's).
void build_grad_norm_graph(Graph& graph, std::span<const Value> trained);

/// Clipping and the optimiser over these gradients. Inputs, f32 [] each: "step", "unscale", a factor on the gradients,
/// "grad_norm" with that factor (where they are clipped), and "lr.GROUP" for each group that has a trained tensor.
/// Outputs: "lr.GROUP" f32 [] of each group, and what the optimiser has to tell.
void build_update_graph(Graph& graph, std::span<const Value> trained, std::span<const ParameterGroup> groups,
                        const Optimizer& optimizer, double max_grad_norm);

/// Rounds the trained weights to StepSettings::trained.
void build_rounding_graph(Graph& graph, const StepSettings& settings);

/// Limits the norm of each trained module (scale_weight_norms). Outputs f32 []: "max_norm/keys_scaled",
/// "max_norm/average_key_norm", "max_norm/max_key_norm", as sd-scripts logs them.
void build_norm_limit_graph(Graph& graph, const StepSettings& settings, double limit);

}  // namespace rankine
