#pragma once
#include "data/dataset.h"
#include "network/metadata.h"
#include "run/run_length.h"
#include "run/train_config.h"

namespace rankine {

/// The facts about this run for saved files; `optimizer` is Optimizer::description(). The hashes of the base model are
/// left out, because they take seconds. Draws the session's id and reads the clock.
TrainingFacts training_facts(const TrainConfig& config, const Family& family, const TrainingData& data,
                             const RunLength& length, uint64_t seed, const std::string& optimizer);

}  // namespace rankine
