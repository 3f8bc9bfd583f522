#pragma once
#include "run/plan.h"

namespace rankine {

/// Throws Error if even the leanest form of the run needs more than --memory_budget, or more than the memory that is
/// free: with the largest uses, and the settings that make them smaller. `planned` are bytes beside its steps that are
/// known already: latents and captions. Allocates nothing of the run.
void check_memory_suffices(const RunPlan& plan, size_t planned);

}  // namespace rankine
