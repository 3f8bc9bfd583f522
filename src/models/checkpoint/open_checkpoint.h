#pragma once
#include "models/checkpoint/checkpoint.h"
#include "models/model_config.h"

namespace rankine {

/// Opens the base model, with the autoencoder of --vae if one is given. Throws Error as Checkpoint does.
Checkpoint open_checkpoint(const ModelConfig& config);

}  // namespace rankine
