#pragma once
#include <cstdint>
#include <vector>

#include "data/dataset.h"
#include "data/loader.h"
#include "models/checkpoint/checkpoint.h"
#include "optim/lr_schedule.h"
#include "run/dataset_setup.h"
#include "run/run_length.h"
#include "run/train_config.h"
#include "step/latent_encoder.h"
#include "step/training_step.h"
#include "watch/summary.h"

namespace rankine {

/// What is decided between the configuration and the first step.

/// The model to train on, with the autoencoder of --vae where one is given. Throws Error as Checkpoint does.
Checkpoint open_checkpoint(const ModelConfig& config);

/// The type to compute in. Throws Error for a mixed_precision that is not built.
DType compute_type(const std::string& mixed_precision);

/// The type that LoRA weights are trained in, which is also the saved file's without save_precision.
DType trained_type(const StepConfig& config);
/// The type of the saved weights. Throws Error for one that is unknown.
DType saved_type(const TrainConfig& config);

/// The loader of a run: the caller adds what follows from the run's length.
LoaderConfig loader_config(const TrainConfig& config, uint64_t seed);

/// The schedule of the learning rates over the run's steps. Throws Error for settings that it cannot work with.
LrSchedule lr_schedule(const OptimConfig& config, const RunLength& length);

/// How weights are moved. Throws Error for wrong network_args.
UpdateSettings update_settings(const TrainConfig& config);

/// How the step is built. Modules whose learning rate is 0 are in the file but do not train.
StepSettings step_settings(const TrainConfig& config, const Checkpoint& checkpoint);

/// What the user should know of how the network's settings were taken.
std::vector<std::string> network_notes(const NetworkConfig& config);

/// Gives every module its first weights: those of network_weights where it has them, else lora_down uniform in
/// +-1/sqrt(fan_in) and lora_up zero, so that training starts from the base model. Gives what the user should know.
std::vector<std::string> set_first_weights(TrainingStep& trainer, const NetworkConfig& config,
                                           const Checkpoint& checkpoint, uint64_t seed);

/// Token ids of every caption that the run will see, each once; empty where captions are varied at random, so that they
/// cannot be known beforehand.
std::vector<std::vector<int32_t>> fixed_captions(const TrainConfig& config, const TrainingData& data);

/// Every (bucket, batch size) that an epoch has, the last and smaller batches of each bucket included.
std::vector<StepShape> step_shapes(const TrainingData& data, int64_t chunks);

/// The shape whose step needs most memory.
StepShape largest_of(const std::vector<StepShape>& shapes);

/// Bytes that a run holds beside its step.
struct OtherMemory {
  int64_t cached_latents = 0;
  int64_t vae = 0;       ///< when it stays
  int64_t previews = 0;  ///< while sample pictures are made
};

RunSummary run_summary(const TrainConfig& config, const Checkpoint& checkpoint, const TrainingData& data,
                       const RunLength& length, const TrainingStep& trainer, const OtherMemory& other);

}  // namespace rankine
