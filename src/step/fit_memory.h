#pragma once
#include <cstddef>

#include "graph/memory/solver.h"
#include "step/step_graph.h"

namespace rankine {

/// Decides, once for a run, what is recomputed and which weights are kept plain, so that steps of the largest shape fit
/// `budget_bytes`: activations and frozen weights together. Sets it in `settings` and gives what it expects.
MemoryChoice choose_step_memory(StepSettings& settings, const StepShape& largest, const DeviceRates& rates,
                                size_t budget_bytes);

/// Bytes of the trained tensors, their gradients and AdamW's two moments.
size_t variable_bytes(const StepSettings& settings);
/// Bytes of a process that frozen weights and activations have to leave free: what is resident now, the variables, and
/// the kernels' working memory.
size_t fixed_bytes(const StepSettings& settings);

}  // namespace rankine
