#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "run/train_config.h"
#include "step/step_settings.h"

namespace rankine {

/// The caption of a sample as the text encoder reads it where nothing varies it: with prefix, suffix and the like, and
/// never dropped.
std::string fixed_caption(const Sample& sample, const TrainingData& data);

/// Token ids of every caption that the run will see, each once; empty where captions are varied at random, so that they
/// cannot be known beforehand.
std::vector<std::vector<int32_t>> fixed_captions(const TrainConfig& config, const Model& model,
                                                 const TrainingData& data);

/// Bytes that the states of these captions take once a frozen text encoder has read them; 0 where it is trained.
size_t caption_bytes(const StepSettings& step, const std::vector<std::vector<int32_t>>& captions);

}  // namespace rankine
