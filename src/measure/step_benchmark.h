#pragma once
#include <ostream>
#include <string>

namespace rankine {

struct StepBenchmarkConfig {
  int64_t batch = 1, width = 512, height = 512;  ///< pictures, in pixels
  int rank = 32;
  std::string device = "auto", mixed_precision = "bf16", conv_algorithm = "auto";
  bool gradient_checkpointing = false, train_text_encoder = false;
  std::string memory_budget{};  ///< of the whole process, "" for as much as it takes
  bool by_shape = false;        ///< the table tells ops of different sizes apart
  int steps = 5;
  std::string checkpoint{};  ///< empty: SD 1.5's sizes with made-up weights
};

/// Times training steps and prints the table of ops (train/op_table.h), the whole step and the memory that it holds.
void benchmark_step(const StepBenchmarkConfig& config, std::ostream& out);

}  // namespace rankine
