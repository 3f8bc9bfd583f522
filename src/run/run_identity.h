#pragma once
#include <map>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "run/run_length.h"
#include "run/train_config.h"
#include "step/step_graph.h"

namespace rankine {

/// What a run's numbers follow from, by name: two runs with the same settings and seed are the same run.
using RunSettings = std::map<std::string, std::string>;

/// The settings of a run: of the flags that change numbers, the base model, the LoRA's shape and the data. The seed is
/// among them only when it was given. `optimizer` is its description.
RunSettings run_settings(const TrainConfig& config, const TrainingData& data, const RunLength& length,
                         const StepSettings& step, const std::string& optimizer);

/// "learning_rate: 0.001 there, 0.0001 here" for each that differs.
std::vector<std::string> differences(const RunSettings& there, const RunSettings& here);

/// Of those, only what a state cannot be put into: another base model, another shape of LoRA, another optimiser.
std::vector<std::string> lasting_differences(const RunSettings& there, const RunSettings& here);

}  // namespace rankine
