#pragma once
#include <string>

#include "run/run_identity.h"
#include "run/state/state_store.h"
#include "step/training_step.h"

namespace rankine {

/// The weights and the optimiser's state of `trainer`, with where the run stands.
TrainingState capture_state(const TrainingStep& trainer, const RunPosition& position, uint64_t seed,
                            const RunSettings& settings);

/// Gives a trainer the weights and the optimiser's state of `state`, tensor by tensor, so that the groups of the run
/// that saved it need not be this run's. It is called before the steps are compiled: what is computed from weights is
/// computed from these.
void restore_state(TrainingStep& trainer, const TrainingState& state);

/// Throws Error unless the compiled steps have exactly the tensors of the state.
void check_restored(const TrainingStep& trainer, const FoundState& found);

/// Keeps the state of a run beside its LoRA.
class StateSaver {
 public:
  /// Everything must outlive it.
  StateSaver(const TrainingStep& trainer, StateStore files, RunSettings settings, uint64_t seed)
      : trainer_(trainer), files_(std::move(files)), settings_(std::move(settings)), seed_(seed) {}

  const std::string& path() const { return files_.path(); }
  /// Throws Error, leaving the states there are, when it cannot be written.
  void save(const RunPosition& position) const;
  /// The same in the newest one's place: for a run that went back.
  void replace(const RunPosition& position) const;
  /// The state saved last, in a folder of its own too.
  void keep_in(const std::string& folder) const { keep_state_in(folder, files_.path()); }
  /// At the run's end, when there is nothing to go on with.
  void remove() const { files_.remove(); }

 private:
  const TrainingStep& trainer_;
  StateStore files_;
  RunSettings settings_;
  uint64_t seed_;
};

}  // namespace rankine
