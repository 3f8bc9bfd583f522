#pragma once
#include <cstdint>
#include <vector>

#include "data/dataset.h"

namespace rankine {

/// One use of a sample: the `repeat`-th of the epoch, from 0. Random numbers of augmentation belong to (epoch, sample,
/// repeat).
struct Draw {
  int sample = 0;
  int repeat = 0;
};

/// Samples of one bucket that make a batch.
struct PlannedBatch {
  int dataset = 0;
  int bucket = 0;
  std::vector<Draw> draws{};
};

/// The batches of an epoch (from 0), a function of the seed and the epoch alone: within a bucket every sample `repeats`
/// times in random order, cut into batches; then the batches of all datasets in random order. The last batch of a
/// bucket may be smaller.
std::vector<PlannedBatch> plan_epoch(const TrainingData& data, uint64_t seed, int epoch);

/// Every sample once, bucket by bucket in order, in batches of their dataset.
std::vector<PlannedBatch> plan_in_order(const TrainingData& data);

}  // namespace rankine
