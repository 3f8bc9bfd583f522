#pragma once
#include <ostream>
#include <string>

#include "step/step_config.h"

namespace rankine {

struct StepBenchmarkConfig {
  int64_t batch = 1, width = 512, height = 512;  ///< pictures, in pixels
  int rank = 32;
  bool train_text_encoder = false;
  StepConfig step{.mixed_precision = "bf16", .memory_budget = ""};  ///< no memory_budget: as much as it takes
  bool by_shape = false;                                            ///< the table tells ops of different sizes apart
  int steps = 5;
  std::string checkpoint{};  ///< empty: SD 1.5's sizes with made-up weights
};

/// Times steps that are built as a run's (run/step_plan.h) and prints the table of ops (measure/op_table.h), the whole
/// step and the memory that it holds.
void benchmark_step(const StepBenchmarkConfig& config, std::ostream& out);

}  // namespace rankine
