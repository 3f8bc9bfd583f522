#pragma once
#include "models/checkpoint/checkpoint.h"
#include "models/model_config.h"

namespace rankine {

/// The model to train on, with the autoencoder of --vae where one is given. Throws Error as Checkpoint does.
Checkpoint open_checkpoint(const ModelConfig& config);

}  // namespace rankine
