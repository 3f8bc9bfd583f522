#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "models/checkpoint/checkpoint.h"
#include "network/network_config.h"
#include "step/training_step.h"

namespace rankine {

/// Gives every module its first weights: those of network_weights where it has them, else lora_down uniform in
/// +-1/sqrt(fan_in) and lora_up zero, so that training starts from the base model. Gives what the user should know.
std::vector<std::string> set_first_weights(TrainingStep& trainer, const NetworkConfig& config,
                                           const Checkpoint& checkpoint, uint64_t seed);

}  // namespace rankine
