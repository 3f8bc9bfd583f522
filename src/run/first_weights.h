#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "models/checkpoint/checkpoint.h"
#include "network/network_config.h"
#include "step/training_step.h"

namespace rankine {

/// Sets every layer's first weights: those of --network_weights where the file has them, else those of
/// initial_weights, with which training starts from the base model. Gives notes for the user.
std::vector<std::string> set_first_weights(TrainingStep& trainer, const NetworkConfig& config,
                                           const Checkpoint& checkpoint, uint64_t seed);

}  // namespace rankine
