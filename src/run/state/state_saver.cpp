#include "run/state/state_saver.h"

#include <map>
#include <span>

namespace rankine {

namespace {

FlatGroups flat_groups(const TrainingStep& trainer) {
  FlatGroups groups;
  for (const UpdatedVariable& variable : trainer.updated_variables())
    if (!variable.members.empty()) groups[variable.name] = variable.members;
  return groups;
}

using Counts = std::map<std::string, int64_t>;
void add_tensors(Counts& counts, const FlatGroups& flat, const std::string& variable, int64_t count) {
  for (const FlatMember& tensor : tensors_of(flat, variable, count)) counts[tensor.name] = tensor.count;
}

}  // namespace

TrainingState capture_state(const TrainingStep& trainer, const RunPosition& position, uint64_t seed,
                            const RunSettings& settings) {
  TrainingState state{position, seed, settings, {}, flat_groups(trainer)};
  for (const auto& [name, count] : trainer.state_variables())
    state.variables.push_back({name, trainer.weights(name, count)});
  return state;
}

void restore_state(TrainingStep& trainer, const TrainingState& state) {
  for (const StateVariable& variable : state.variables) {
    std::span<const float> rest = variable.values;
    for (const FlatMember& tensor : tensors_of(state.flat, variable.name, static_cast<int64_t>(rest.size()))) {
      const auto count = static_cast<size_t>(tensor.count);
      trainer.set_weights(tensor.name, rest.first(count));
      rest = rest.subspan(count);
    }
  }
}

void check_restored(const TrainingStep& trainer, const FoundState& found) {
  Counts needed, saved;
  for (const auto& [name, count] : trainer.state_variables()) add_tensors(needed, flat_groups(trainer), name, count);
  for (const StateVariable& variable : found.state.variables)
    add_tensors(saved, found.state.flat, variable.name, static_cast<int64_t>(variable.values.size()));
  for (const auto& [name, count] : needed)
    check(saved.contains(name), found.path, ": \"", name,
          "\" is missing: was it saved by a run with another optimiser?");
  check(needed.size() == saved.size(), found.path, ": it has ", saved.size(), " tensors, this run has ", needed.size());
}

void StateSaver::save(const RunPosition& position) const {
  files_.save(capture_state(trainer_, position, seed_, settings_));
}

void StateSaver::replace(const RunPosition& position) const {
  files_.replace(capture_state(trainer_, position, seed_, settings_));
}

}  // namespace rankine
