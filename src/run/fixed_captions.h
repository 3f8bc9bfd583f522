#pragma once
#include <cstdint>
#include <vector>

#include "data/dataset.h"
#include "run/train_config.h"

namespace rankine {

/// Token ids of every caption that the run will see, each once; empty where captions are varied at random, so that they
/// cannot be known beforehand.
std::vector<std::vector<int32_t>> fixed_captions(const TrainConfig& config, const TrainingData& data);

}  // namespace rankine
