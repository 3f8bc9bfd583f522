#pragma once
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "step/loss_scale.h"

namespace rankine {

/// Where a run stands between two steps.
struct RunPosition {
  int64_t step = 0;             ///< optimiser steps done since the run's very first
  int64_t updates = 0;          ///< of them, those that the optimiser's own state has seen
  int64_t skipped = 0;          ///< of them, those that overflowed fp16 and changed nothing but the loss scale
  LossScaleState loss_scale{};  ///< of fp16
  int64_t rollbacks = 0;        ///< how often numbers that were not finite made the run go back (--on_nonfinite)
  std::vector<float> losses{};  ///< of the last batches, oldest first: what the average is made of

  /// On every learning rate: half as much after each rollback.
  double rate_factor() const { return std::ldexp(1.0, -static_cast<int>(rollbacks)); }
};

/// A named row of numbers of a session: a LoRA weight or a part of the optimiser's state.
struct StateVariable {
  std::string name;
  std::vector<float> values;
};

/// All that a run needs to go on as if it had never stopped. Random numbers and the batches follow from seed and step.
struct TrainingState {
  RunPosition position;
  uint64_t seed = 0;
  std::map<std::string, std::string> settings;  ///< see train/run_settings.h
  std::vector<StateVariable> variables;         ///< weights as they are trained, in fp32 whatever the step computes in
};

/// Writes a .safetensors file with a SHA-256 of everything in it, atomically. Throws Error, leaving what was at `path`.
void write_state(const std::string& path, const TrainingState& state);

/// Throws Error naming the file when it is cut short, changed, or no state of a run.
TrainingState read_state(const std::string& path);

}  // namespace rankine
