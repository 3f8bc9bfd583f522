#pragma once
#include <string>

#include "data/dataset.h"

namespace rankine {

/// The buckets of each dataset with their pictures and batches, as a table for people.
std::string bucket_table(const TrainingData& data);

}  // namespace rankine
