#pragma once
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "backend/backend.h"
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

/// A named variable of a session: trained weights or a part of the optimiser's state.
struct StateVariable {
  std::string name;
  std::vector<float> values;
};

/// The parameter groups that are flat variables: by the group's name ("unet"), its tensors in order. Variables of that
/// name ("unet") and of that name behind a prefix ("exp_avg.unet") hold the tensors one after the other.
using FlatGroups = std::map<std::string, std::vector<FlatMember>>;

/// Everything that a run needs to continue as if it had never stopped. Random numbers and the batches follow from seed
/// and step.
struct TrainingState {
  RunPosition position;
  uint64_t seed = 0;
  std::map<std::string, std::string> settings;  ///< see run/run_identity.h
  std::vector<StateVariable> variables;         ///< weights as they are trained, in fp32 whatever the step computes in
  FlatGroups flat = {};                         ///< none in states that hold each tensor by itself
};

/// The tensors that a variable of `count` numbers holds: those of its flat group with the variable's prefix, or the
/// variable itself.
std::vector<FlatMember> tensors_of(const FlatGroups& flat, const std::string& variable, int64_t count);

/// Writes a .safetensors file with a SHA-256 of everything in it, atomically. Throws Error, leaving what was at `path`.
void write_state(const std::string& path, const TrainingState& state);

/// Throws Error naming the file when it is cut short, changed, or no state of a run.
TrainingState read_state(const std::string& path);

}  // namespace rankine
