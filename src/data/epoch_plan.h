#pragma once
#include <cstdint>
#include <vector>

#include "data/dataset.h"

namespace rankine {

/// One use of a sample: the `repeat`-th of the epoch, from 0. (epoch, sample, repeat) keys the random numbers of
/// augmentation.
struct Draw {
  int sample = 0;
  int repeat = 0;
};

/// The samples of a batch; all are of one bucket.
struct PlannedBatch {
  int dataset = 0;
  int bucket = 0;
  std::vector<Draw> draws{};
};

/// The batches of an epoch (from 0); they depend only on seed and epoch. Within a bucket every sample appears `repeats`
/// times in random order, and the list is cut into batches. Then the batches of all datasets are shuffled. The last
/// batch of a bucket may be smaller.
std::vector<PlannedBatch> plan_epoch(const TrainingData& data, uint64_t seed, int epoch);

/// Every sample once, bucket by bucket in order, in batches of its dataset.
std::vector<PlannedBatch> plan_in_order(const TrainingData& data);

}  // namespace rankine
