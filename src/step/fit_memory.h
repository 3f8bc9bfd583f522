#pragma once
#include <cstddef>

#include "graph/memory/solver.h"
#include "step/step_graph.h"

namespace rankine {

/// Decides once for a run which values are recomputed and which form each frozen weight takes, so that steps of the
/// largest shape fit `budget_bytes`: activations, frozen weights and working memory together. Sets the choice in
/// `settings` and returns it.
MemoryChoice choose_step_memory(StepSettings& settings, const StepShape& largest, const DeviceModel& device,
                                size_t budget_bytes);

/// Bytes of the trained tensors, their gradients and AdamW's two moments.
size_t variable_bytes(const StepSettings& settings);
/// Bytes of a process that frozen weights and activations have to leave free: what is resident now, the variables, and
/// the kernels' working memory.
size_t fixed_bytes(const StepSettings& settings);

}  // namespace rankine
