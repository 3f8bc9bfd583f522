#pragma once
#include <iosfwd>

#include "run/interrupt.h"
#include "run/latent_cache.h"
#include "run/plan.h"
#include "watch/progress.h"

namespace rankine {

/// Fills the cache of latents that a plan asks for, and shows how far it is. Throws Error where the run is stopped
/// meanwhile.
LatentCache cache_latents(const RunPlan& plan, ConstantSource& constants, LatentEncoder& encoder,
                          const InterruptGuard& interrupt, std::ostream& out, const Progress::Options& options);

/// Throws Error once Ctrl-C was pressed: for the time before the first step.
void check_not_stopped(const InterruptGuard& interrupt);

}  // namespace rankine
