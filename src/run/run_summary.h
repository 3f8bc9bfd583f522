#pragma once
#include <cstdint>

#include "run/plan.h"
#include "step/training_step.h"
#include "watch/summary.h"

namespace rankine {

/// Bytes that a run holds besides its step.
struct OtherMemory {
  int64_t cached_latents = 0;
  int64_t vae = 0;       ///< if it stays in memory
  int64_t previews = 0;  ///< while sample pictures are made
};

/// The summary before the first step: the plan, with the memory that the compiled steps hold.
RunSummary run_summary(const RunPlan& plan, const MemoryUse& memory, const OtherMemory& other);

}  // namespace rankine
