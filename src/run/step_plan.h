#pragma once
#include <map>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "models/checkpoint/checkpoint.h"
#include "run/train_config.h"
#include "step/parameter_groups.h"
#include "step/step_settings.h"

namespace rankine {

/// How a run's step is built. Modules with a learning rate of 0 are in the file but do not train. Reads headers alone,
/// and the file of --network_weights with --dim_from_weights. Throws Error for settings that contradict the checkpoint.
StepSettings step_settings(const TrainConfig& config, const Checkpoint& checkpoint);

/// How weights are moved. Throws Error for wrong network_args.
UpdateSettings update_settings(const TrainConfig& config);

/// The type of the saved weights. Throws Error for one that is unknown.
DType saved_type(const TrainConfig& config);

/// Hints for the user about the network's settings.
std::vector<std::string> network_notes(const NetworkConfig& config, const DenoiserBlocks& blocks);

/// Every (bucket, batch size) that an epoch has, the last and smaller batches of each bucket included, with the number
/// of its batches.
std::map<StepShape, int64_t> batches_by_shape(const TrainingData& data, int64_t chunks);
/// The shapes alone.
std::vector<StepShape> step_shapes(const TrainingData& data, int64_t chunks);

/// The shape whose step needs most memory.
StepShape largest_of(const std::vector<StepShape>& shapes);

}  // namespace rankine
