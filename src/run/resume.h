#pragma once
#include <optional>
#include <string>
#include <vector>

#include "run/run_identity.h"
#include "run/state/state_store.h"

namespace rankine {

/// A state's file and the name under which it is kept when another run takes its place.
struct SetAside {
  std::string from, to;
};

/// Where a run begins.
struct RunStart {
  std::optional<FoundState> found{};   ///< the state it goes on from
  int64_t step = 0;                    ///< steps done
  std::vector<std::string> notes{};    ///< what the user should know
  std::optional<SetAside> aside{};     ///< the state of another run under this name, which is in the way
  bool continues_own_metrics = false;  ///< its earlier part wrote to the same output folder
};

/// Decides where a run begins, and changes no file: at an interrupted run's last state when that was the same run
/// (auto_resume); at the state that --resume names; at --initial_step or --initial_epoch; else at step 0. The state of
/// another run under the same name is to be put aside. Throws Error when a state was asked for and cannot be used.
RunStart find_start(const SaveConfig& config, const StateStore& own, const std::string& adapter_file,
                    const RunSettings& settings, const RunLength& length);

}  // namespace rankine
