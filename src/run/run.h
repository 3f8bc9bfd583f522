#pragma once
#include <iosfwd>

#include "run/plan.h"
#include "run/training_loop.h"
#include "watch/progress.h"

namespace rankine {

/// Carries out a plan, from the weights to the saved file. A summary and the progress go to `out`. Ctrl-C ends the
/// step, saves the LoRA and returns. Throws Error for everything that stops a run. All files that the plan has not read
/// are read before anything is written.
TrainOutcome run(RunPlan&& plan, std::ostream& out, const Progress::Options& progress);

/// Plans a run and carries it out.
TrainOutcome run_training(const TrainConfig& config, std::ostream& out, const Progress::Options& progress);

}  // namespace rankine
