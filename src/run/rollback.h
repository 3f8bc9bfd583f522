#pragma once
#include <string>

#include "run/state/state_saver.h"
#include "run/training_loop.h"

namespace rankine {

/// Implements --on_nonfinite rollback: after numbers that are not finite, returns to the last good state
/// and continues with half the learning rate. If the same state fails twice, goes back one state
/// further.
class Rollback {
 public:
  /// The limit per run: the learning rate is then a sixteenth.
  static constexpr int64_t kMost = 4;

  /// Call it once the steps are compiled and restored; all references must outlive it. `start` serves as the state
  /// while there is no file.
  Rollback(TrainingStep& trainer, const StateStore& files, const StateSaver& saver, const RunPosition& start,
           uint64_t seed, const RunSettings& settings);

  /// Restores the state, keeps it as the run's with the lower rate, and returns the position to continue from. Throws
  /// Error with the text of `error` after kMost times, and if no state can be read.
  RunPosition go_back(const NonFiniteError& error);
  /// Describes the last go_back, as a message.
  const std::string& message() const { return message_; }

 private:
  TrainingStep& trainer_;
  const StateStore& files_;
  const StateSaver& saver_;
  TrainingState first_;
  int64_t times_;
  int64_t last_step_ = -1;  // target of the last go_back
  std::string message_;
};

}  // namespace rankine
