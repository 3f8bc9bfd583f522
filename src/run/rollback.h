#pragma once
#include <string>

#include "run/state/state_saver.h"
#include "run/training_loop.h"

namespace rankine {

/// What --on_nonfinite rollback does after numbers that are not finite: back to the last good state, where the run goes
/// on with half the learning rate. A state that was gone back to in vain may have been lost already: then it is the one
/// before.
class Rollback {
 public:
  /// So often in a run, then it is given up: the learning rate is a sixteenth by then.
  static constexpr int64_t kMost = 4;

  /// Once the steps are compiled and restored; everything referred to must outlive it. `start` is gone back to while
  /// there is no file.
  Rollback(TrainingStep& trainer, const StateStore& files, const StateSaver& saver, const RunPosition& start,
           uint64_t seed, const RunSettings& settings);

  /// Gives the trainer the state back, keeps it as the run's with the lower rate, and tells where to go on. Throws
  /// Error with the text of `error` after kMost times, and where no state can be read.
  RunPosition go_back(const NonFiniteError& error);
  /// What the last go_back did, as a message.
  const std::string& message() const { return message_; }

 private:
  TrainingStep& trainer_;
  const StateStore& files_;
  const StateSaver& saver_;
  TrainingState first_;
  int64_t times_;
  int64_t last_step_ = -1;  // gone back to
  std::string message_;
};

}  // namespace rankine
