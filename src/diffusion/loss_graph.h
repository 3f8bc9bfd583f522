#pragma once
#include <string_view>

#include "graph/graph.h"

namespace rankine {

/// What the loss of a step reads beside prediction and target.
struct LossGraphSettings {
  std::string_view loss_type = "l2";  ///< a name of loss_kinds()
  bool masked = false;                ///< errors are weighed by where they are
};

/// The loss of each sample as part of the step: errors, weighed by the mask, and their mean over all but the first
/// axis. prediction, target: f32 [N, h, w, C] -> f32 [N]. Adds the input "huber_c" f32 [N] where the loss has a
/// threshold, and "loss_mask" f32 [N, h, w, 1] when masked. Throws Error with the known names when there is no such
/// loss.
Value sample_losses(Graph& graph, const LossGraphSettings& settings, Value prediction, Value target);

}  // namespace rankine
