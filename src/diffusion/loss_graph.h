#pragma once
#include <string_view>

#include "graph/graph.h"

namespace rankine {

// Inputs of a step's loss.
inline constexpr std::string_view kHuberC = "huber_c", kLossMask = "loss_mask";

/// Settings of a step's loss.
struct LossGraphSettings {
  std::string_view loss_type = "l2";  ///< a name of loss_kinds()
  bool masked = false;                ///< a mask weighs the errors
};

/// Builds the loss of each sample: errors, weighed by the mask, and their mean over all axes but the first.
/// prediction, target: f32 [N, h, w, C] -> f32 [N]. Adds the input kHuberC f32 [N] if the loss has a
/// threshold, and kLossMask f32 [N, h, w, 1] if masked. Throws Error with the known names for an unknown
/// loss.
Value sample_losses(Graph& graph, const LossGraphSettings& settings, Value prediction, Value target);

}  // namespace rankine
