#pragma once
#include <iosfwd>

#include "run/train_config.h"

namespace rankine {

/// Writes what the first epoch is going to train on, batch by batch: pictures, mirroring, captions and loss weights, as
/// they are drawn for the run's seed. Throws Error for the faults of the data.
void show_dataset(const TrainConfig& config, std::ostream& out);

}  // namespace rankine
