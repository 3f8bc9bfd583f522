#pragma once
#include <cstdint>

#include "run/train_config.h"

namespace rankine {

/// The length of a run, counted as sd-scripts counts. An epoch's last optimiser step takes the remaining batches, even
/// if they are fewer than gradient_accumulation_steps.
struct RunLength {
  int64_t batches_per_epoch = 0;
  int64_t accumulation = 1;  ///< batches per optimiser step
  int64_t steps = 0;         ///< optimiser steps
  int64_t epochs = 0;        ///< the last one may end early

  int64_t steps_per_epoch() const { return (batches_per_epoch + accumulation - 1) / accumulation; }
  /// Batches of the first `steps_done` steps.
  int64_t batches_of(int64_t steps_done) const;
  /// All batches of the run.
  int64_t batches() const { return batches_of(steps); }
  /// True if the optimiser moves the weights after batch `index` (from 0) of an epoch.
  bool step_ends_at(int64_t index) const { return (index + 1) % accumulation == 0 || index + 1 == batches_per_epoch; }
};

RunLength run_length(const RunConfig& config, int64_t batches_per_epoch);

}  // namespace rankine
