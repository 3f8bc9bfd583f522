#pragma once
#include <iosfwd>

#include "run/interrupt.h"
#include "run/latent_cache.h"
#include "run/plan.h"
#include "watch/progress.h"

namespace rankine {

/// Fills the cache of latents for a plan and shows the progress. Throws Error if the run is stopped in the
/// meantime.
LatentCache cache_latents(const RunPlan& plan, ConstantSource& constants, LatentEncoder& encoder,
                          const InterruptGuard& interrupt, std::ostream& out, const Progress::Options& options);

/// Throws Error after Ctrl-C; for the time before the first step.
void check_not_stopped(const InterruptGuard& interrupt);

}  // namespace rankine
