#pragma once
#include <cstddef>
#include <map>
#include <string>

#include "backend/backend.h"
#include "graph/memory/solver.h"
#include "step/step_graph.h"

namespace rankine {

/// The model's weights that `source` has in a mapped file, with their types there (StepSettings::in_file).
std::map<std::string, DType, std::less<>> weights_in_file(ConstantSource& source, const Model& model);

/// Decides once for a run which values are recomputed and which form each frozen weight takes, so that steps of the
/// largest shape fit `budget_bytes`: activations, frozen weights and working memory together. Sets the choice in
/// `settings` and returns it.
MemoryChoice choose_step_memory(StepSettings& settings, const StepShape& largest, const DeviceModel& device,
                                size_t budget_bytes);

/// Bytes of the trained tensors, their gradients and AdamW's two moments.
size_t variable_bytes(const StepSettings& settings);
/// Bytes of a process that are not available for frozen weights and activations: the resident bytes, the variables, and
/// the kernels' working memory.
size_t fixed_bytes(const StepSettings& settings, const DeviceModel& device);

/// The value of --memory_budget in bytes. "auto": what the process holds, and nine tenths of the memory that is free
/// now. Throws Error for a text that is no size.
size_t memory_budget(const std::string& text, const DeviceModel& device);

}  // namespace rankine
