#pragma once
#include <ostream>
#include <string>

#include "step/step_config.h"

namespace rankine {

struct EncodeBenchmarkConfig {
  int64_t width = 512, height = 512;  ///< of the picture, in pixels
  StepConfig step{.mixed_precision = "bf16"};
  bool by_shape = false;     ///< the table tells ops of different sizes apart
  int steps = 3;             ///< encodings that are timed, after a first one
  std::string checkpoint{};  ///< empty: SD 1.5's sizes with made-up weights
};

/// Times encoding pictures into moments of latents, as a run does, and prints the table of ops (measure/op_table.h),
/// the seconds a picture and the memory that the encoder holds.
void benchmark_encode(const EncodeBenchmarkConfig& config, std::ostream& out);

}  // namespace rankine
