#pragma once
#include <string>
#include <vector>

#include "run/run_length.h"
#include "run/train_config.h"

namespace rankine {

/// Settings that count steps or epochs and never come due in a run of this length.
std::vector<std::string> length_notes(const TrainConfig& config, const RunLength& length);

}  // namespace rankine
