#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace rankine {

/// Settings of the loader.
struct LoaderConfig {
  uint64_t seed = 0;
  int threads = 0;                 ///< 0: one per core, at most 8. The batches do not depend on it.
  int queue_batches = 4;           ///< the most batches that are ready or in progress
  bool decode_images = true;       ///< false if latents are cached: batches then hold only flips and captions
  double prior_loss_weight = 1.0;  ///< loss weight of regularisation pictures

  // For the token warm-up of captions, which counts optimizer steps.
  int64_t max_train_steps = 0;
  int gradient_accumulation_steps = 1;

  int64_t first_batch = 0;  ///< the first batch, counted from the start of epoch 0: for resuming
  int64_t end_batch = -1;   ///< the end, counted likewise; negative: no end
};

/// The data of one micro-batch. Element i of each list belongs to samples[i].
struct Batch {
  int epoch = 0;                        ///< from 0
  int64_t index = 0;                    ///< within the epoch, from 0
  Size bucket{};                        ///< pixels; the latent is an eighth of it
  std::vector<int> samples{};           ///< indices into TrainingData::samples
  std::vector<uint8_t> flipped{};       ///< 1: mirrored left to right
  std::vector<float> images{};          ///< [N, height, width, 3] in [-1, 1]; empty without decode_images
  std::vector<float> masks{};           ///< [N, height, width]; empty without decode_images, or if no sample has one
  std::vector<std::string> captions{};  ///< after shuffling, dropout and other changes
  std::vector<float> loss_weights{};
  std::vector<std::string> files{};
  double waited_seconds = 0;  ///< how long next() waited
};

/// The network's input of one sample, cut from its middle: [height, width, 3] of its bucket, in [-1, 1]. Thread-safe.
/// Throws Error if the file cannot be read or has changed since it was checked.
std::vector<float> load_sample(const TrainingData& data, int sample, bool flipped);

/// The loss factors of one sample with a mask: [height, width] of its bucket, in [0, 1]. They come from its mask
/// picture, or else from its own alpha, which is 1 if the file has no transparency. Throws Error as load_sample does.
std::vector<float> load_mask(const TrainingData& data, int sample, bool flipped);

/// The sample's alpha, even if it has a mask picture; 1 if the file has no transparency.
std::vector<float> load_alpha_mask(const TrainingData& data, int sample, bool flipped);

/// Prefetches batches on its own threads and returns them in order. The batches, their flips and captions depend on the
/// seed alone.
class Loader {
 public:
  /// Starts making batches, epoch after epoch. `data` must outlive the loader.
  Loader(const TrainingData& data, const LoaderConfig& config);
  ~Loader();

  /// Waits for the next batch. Rethrows an error that occurred while it was made, and again at every later call. Throws
  /// Error after the last batch.
  Batch next();
  /// False after the last batch.
  bool has_next() const;
  int64_t batches_per_epoch() const;
  /// The number of batches that are ready or in progress; at most queue_batches.
  int queued() const;

 private:
  class Queue;
  std::unique_ptr<Queue> queue_;
};

}  // namespace rankine
