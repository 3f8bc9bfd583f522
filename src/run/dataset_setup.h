#pragma once
#include "data/dataset.h"
#include "run/train_config.h"

namespace rankine {

/// The datasets that a configuration asks for: of its dataset file, its metadata file, or its folders. Throws Error for
/// options that contradict each other, such as latents that are cached though pictures are cut anew each time.
DatasetConfig dataset_config(const TrainConfig& config, const LatentSpace& latents);

/// True if masks or the pictures' alpha weigh the loss of some pictures. Throws Error for --masked_loss without any.
bool uses_masks(const TrainConfig& config, const DatasetConfig& datasets);

/// The same, with a warning for each setting that has no effect beside another.
DatasetConfig training_datasets(const TrainConfig& config, const LatentSpace& latents);

/// Looks at every file; see load_dataset for faults.
TrainingData load_training_data(const TrainConfig& config, const LatentSpace& latents);

}  // namespace rankine
