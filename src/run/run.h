#pragma once
#include <iosfwd>

#include "run/train_config.h"
#include "run/training_loop.h"
#include "watch/progress.h"

namespace rankine {

/// Trains a LoRA, from the configuration to the saved file. A summary and the progress go to `out`. Ctrl-C ends the
/// step, saves the LoRA and returns. Throws Error for everything that stops a run; settings, checkpoint, data and
/// output folder are looked at before the first step.
TrainOutcome run_training(const TrainConfig& config, std::ostream& out, const Progress::Options& progress);

}  // namespace rankine
