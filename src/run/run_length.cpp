#include "run/run_length.h"

#include <algorithm>

#include "base/error.h"

namespace rankine {

int64_t RunLength::batches_of(int64_t steps_done) const {
  const int64_t whole = steps_done / steps_per_epoch(), rest = steps_done % steps_per_epoch();
  return whole * batches_per_epoch + std::min(rest * accumulation, batches_per_epoch);
}

RunLength run_length(const RunConfig& config, int64_t batches_per_epoch) {
  check(batches_per_epoch > 0, "the dataset has no batches");
  RunLength length;
  length.batches_per_epoch = batches_per_epoch;
  length.accumulation = config.gradient_accumulation_steps;
  const int64_t per_epoch = length.steps_per_epoch();
  length.steps = config.max_train_epochs ? *config.max_train_epochs * per_epoch : config.max_train_steps;
  length.epochs = (length.steps + per_epoch - 1) / per_epoch;
  return length;
}

}  // namespace rankine
