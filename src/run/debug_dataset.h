#pragma once
#include <iosfwd>

#include "run/train_config.h"

namespace rankine {

/// Writes the first epoch batch by batch: pictures, mirroring, captions and loss weights, as drawn for the run's seed.
/// Throws Error for the faults of the data.
void show_dataset(const TrainConfig& config, std::ostream& out);

}  // namespace rankine
