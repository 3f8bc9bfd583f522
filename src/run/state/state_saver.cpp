#include "run/state/state_saver.h"

#include <algorithm>

namespace rankine {

TrainingState capture_state(const TrainingStep& trainer, const RunPosition& position, uint64_t seed,
                            const RunSettings& settings) {
  TrainingState state{position, seed, settings, {}};
  for (const auto& [name, count] : trainer.state_variables())
    state.variables.push_back({name, trainer.weights(name, count)});
  return state;
}

void restore_state(TrainingStep& trainer, const TrainingState& state) {
  for (const StateVariable& variable : state.variables) trainer.set_weights(variable.name, variable.values);
}

void check_restored(const TrainingStep& trainer, const FoundState& found) {
  const std::vector<std::pair<std::string, int64_t>> needed = trainer.state_variables();
  const auto told = [&](const std::string& name) {
    return std::ranges::any_of(found.state.variables, [&](const StateVariable& v) { return v.name == name; });
  };
  for (const auto& [name, count] : needed)
    check(told(name), found.path, ": \"", name, "\" is missing: was it saved by a run with another optimiser?");
  check(needed.size() == found.state.variables.size(), found.path, ": it has ", found.state.variables.size(),
        " rows of numbers, this run has ", needed.size());
}

void StateSaver::save(const RunPosition& position) const {
  files_.save(capture_state(trainer_, position, seed_, settings_));
}

void StateSaver::replace(const RunPosition& position) const {
  files_.replace(capture_state(trainer_, position, seed_, settings_));
}

}  // namespace rankine
