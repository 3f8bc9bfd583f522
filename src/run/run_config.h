#pragma once
#include <cstdint>
#include <optional>

namespace rankine {

/// Length and randomness of a run, as flags describe them. Fields carry the names of sd-scripts' flags.
struct RunConfig {
  int64_t max_train_steps = 1600;           ///< optimiser steps
  std::optional<int64_t> max_train_epochs;  ///< overrides max_train_steps
  std::optional<int64_t> seed;              ///< unset: random
  int gradient_accumulation_steps = 1;      ///< batches summed before each optimiser step
  int max_data_loader_n_workers = 8;        ///< loader threads; 0: the caller's own
};

}  // namespace rankine
