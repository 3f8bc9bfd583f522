#pragma once
#include <cstdint>

#include "run/plan.h"
#include "step/training_step.h"
#include "watch/summary.h"

namespace rankine {

/// Bytes that a run holds beside its step.
struct OtherMemory {
  int64_t cached_latents = 0;
  int64_t vae = 0;       ///< when it stays
  int64_t previews = 0;  ///< while sample pictures are made
};

/// The sheet that a run shows before its first step: its plan, with the memory that its compiled steps hold.
RunSummary run_summary(const RunPlan& plan, const MemoryUse& memory, const OtherMemory& other);

}  // namespace rankine
