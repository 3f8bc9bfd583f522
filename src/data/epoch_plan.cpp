#include "data/epoch_plan.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/rng.h"

namespace rankine {
namespace {

/// Fisher-Yates. std::shuffle may use random numbers differently in each library.
template <class T>
void shuffle(std::vector<T>& items, Rng rng) {
  for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[rng.below(static_cast<uint32_t>(i))]);
}

void cut(std::vector<PlannedBatch>& batches, int dataset, int bucket, const std::vector<Draw>& draws, int batch_size) {
  const size_t size = static_cast<size_t>(batch_size);
  for (size_t first = 0; first < draws.size(); first += size) {
    const auto begin = draws.begin() + static_cast<std::ptrdiff_t>(first);
    const auto end = draws.begin() + static_cast<std::ptrdiff_t>(std::min(first + size, draws.size()));
    batches.push_back({dataset, bucket, {begin, end}});
  }
}

}  // namespace

std::vector<PlannedBatch> plan_epoch(const TrainingData& data, uint64_t seed, int epoch) {
  std::vector<PlannedBatch> batches;
  uint32_t stream = 1;  // stream 0 is the order of the batches
  for (size_t d = 0; d < data.datasets.size(); ++d) {
    const Dataset& dataset = data.datasets[d];
    for (size_t b = 0; b < dataset.buckets.size(); ++b) {
      std::vector<Draw> draws;
      for (const int sample : dataset.buckets[b].samples)
        for (int repeat = 0; repeat < data.samples[sample].repeats; ++repeat) draws.push_back({sample, repeat});
      shuffle(draws, Rng(seed, purpose::batch_order, static_cast<uint64_t>(epoch), stream++));
      cut(batches, static_cast<int>(d), static_cast<int>(b), draws, dataset.section.options.batch_size);
    }
  }
  shuffle(batches, Rng(seed, purpose::batch_order, static_cast<uint64_t>(epoch), 0));
  return batches;
}

std::vector<PlannedBatch> plan_in_order(const TrainingData& data) {
  std::vector<PlannedBatch> batches;
  for (size_t d = 0; d < data.datasets.size(); ++d) {
    const Dataset& dataset = data.datasets[d];
    for (size_t b = 0; b < dataset.buckets.size(); ++b) {
      std::vector<Draw> draws;
      for (const int sample : dataset.buckets[b].samples) draws.push_back({sample, 0});
      cut(batches, static_cast<int>(d), static_cast<int>(b), draws, dataset.section.options.batch_size);
    }
  }
  return batches;
}

}  // namespace rankine
