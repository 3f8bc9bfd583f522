#pragma once
#include <string>

#include "data/dataset.h"

namespace rankine {

/// A table of each dataset's buckets with their pictures and batches, for people.
std::string bucket_table(const TrainingData& data);

}  // namespace rankine
