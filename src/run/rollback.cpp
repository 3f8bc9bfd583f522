#include "run/rollback.h"

namespace rankine {

Rollback::Rollback(TrainingStep& trainer, const StateStore& files, const StateSaver& saver, const RunPosition& start,
                   uint64_t seed, const RunSettings& settings)
    : trainer_(trainer),
      files_(files),
      saver_(saver),
      first_(capture_state(trainer, start, seed, settings)),
      times_(start.rollbacks) {}

RunPosition Rollback::go_back(const NonFiniteError& error) {
  check(times_ < kMost, error.what(), "\n--on_nonfinite rollback went back ", kMost,
        " times in this run, to half the learning rate each time, and gives up");
  std::optional<FoundState> found;
  try {
    found = files_.newest();
    if (found && found->state.position.step == last_step_)
      if (auto earlier = files_.before(last_step_)) found = std::move(earlier);
  } catch (const Error& unreadable) {
    fail(error.what(), "\n--on_nonfinite rollback finds nothing to go back to: ", unreadable.what());
  }
  const TrainingState& state = found ? found->state : first_;
  restore_state(trainer_, state);
  RunPosition position = state.position;
  position.rollbacks = ++times_;
  last_step_ = position.step;
  message_ = concat_text(error.what(), "\nGoing back to ",
                         position.step > 0 ? concat_text("the state after step ", position.step) : "the beginning",
                         ", on with half the learning rate: ", position.rate_factor(), " of what is set (", times_,
                         " of at most ", kMost, " times)");
  try {
    saver_.replace(position);
  } catch (const Error& refused) {
    message_ += concat_text("\nThe state with the lower rate cannot be saved, training goes on: ", refused.what());
  }
  return position;
}

}  // namespace rankine
