#pragma once
#include <optional>
#include <string>
#include <vector>

#include "run/adapter_saver.h"
#include "run/run_identity.h"
#include "run/state/state_store.h"

namespace rankine {

/// Where a run begins.
struct RunStart {
  std::optional<FoundState> found{};   ///< the state it goes on from
  int64_t step = 0;                    ///< steps done
  std::vector<std::string> notes{};    ///< what the user should know
  bool continues_own_metrics = false;  ///< its earlier part wrote to the same output folder
};

/// Decides where a run begins: at an interrupted run's last state when that was the same run (auto_resume); at the
/// state that --resume names; at --initial_step or --initial_epoch; else at step 0. The state of another run under the
/// same name is put aside. Throws Error when a state was asked for and cannot be used.
RunStart find_start(const SaveConfig& config, const StateStore& own, const std::string& lora_file,
                    const RunSettings& settings, const RunLength& length);

}  // namespace rankine
