#pragma once
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "graph/memory/solver.h"
#include "run/train_config.h"
#include "step/autoencoder_graph.h"
#include "step/parameter_groups.h"
#include "step/step_settings.h"

namespace rankine {

/// How a run's step is built; masks of the loss follow from the data (uses_masks). `tensors`: the model's, in the
/// checkpoint's order. Modules with a learning rate of 0 are in the file but do not train. Reads no weights but the
/// file of --network_weights with --dim_from_weights. Throws Error for settings that contradict the model.
StepSettings step_settings(const TrainConfig& config, std::shared_ptr<const Model> model,
                           std::span<const NamedShape> tensors);

/// How a run's autoencoder is computed. `compute`: the type of the step.
AutoencoderSettings autoencoder_settings(const StepConfig& config, std::shared_ptr<const Model> model, DType compute);

/// Decides how steps of the largest shape fit --memory_budget, beside `planned` bytes of other things that the process
/// will hold and does not hold yet. Sets the choice in `step` and returns it.
MemoryChoice choose_memory(StepSettings& step, const StepConfig& config, const DeviceModel& device,
                           const StepShape& largest, size_t planned);

/// How weights are moved. Throws Error for wrong network_args.
UpdateSettings update_settings(const TrainConfig& config);

/// The type of the saved weights. Throws Error for one that is unknown.
DType saved_type(const TrainConfig& config);

/// Hints for the user: what the network's settings mean for the model, and settings that it does not use.
std::vector<std::string> model_notes(const TrainConfig& config, const Model& model);

/// Every (bucket, batch size) that an epoch has, the last and smaller batches of each bucket included, with the number
/// of its batches.
std::map<StepShape, int64_t> batches_by_shape(const TrainingData& data, int64_t chunks);
/// The shapes alone.
std::vector<StepShape> step_shapes(const TrainingData& data, int64_t chunks);

/// The shape whose step needs most memory.
StepShape largest_of(const std::vector<StepShape>& shapes);

}  // namespace rankine
