#pragma once
#include <map>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "run/run_length.h"
#include "run/train_config.h"
#include "step/step_graph.h"

namespace rankine {

/// The settings that a run's numbers depend on, by name: two runs with the same settings and seed are the same run.
using RunSettings = std::map<std::string, std::string>;

/// The settings of a run: TrainConfig::given_flags, the contents of the base model and the data, and the adapter's
/// shape. Includes the seed only if it was given. `optimizer` is Optimizer::description().
RunSettings run_settings(const TrainConfig& config, const TrainingData& data, const RunLength& length,
                         const StepSettings& step, const std::string& optimizer);

/// "learning_rate: 0.001 there, 0.0001 here" for each that differs.
std::vector<std::string> differences(const RunSettings& there, const RunSettings& here);

/// Of these, only the differences that a state cannot bridge: base model, adapter's shape, optimiser.
std::vector<std::string> lasting_differences(const RunSettings& there, const RunSettings& here);

}  // namespace rankine
