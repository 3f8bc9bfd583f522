#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace rankine {

/// How batches are made.
struct LoaderConfig {
  uint64_t seed = 0;
  int threads = 0;                 ///< 0: one a core, at most 8. The batches do not depend on it.
  int queue_batches = 4;           ///< at most so many are ready or being made ahead of the consumer
  bool decode_images = true;       ///< false where latents are cached: batches then hold flips and captions only
  double prior_loss_weight = 1.0;  ///< loss weight of regularisation pictures

  // For the token warm-up of captions, whose steps are the optimizer's.
  int64_t max_train_steps = 0;
  int gradient_accumulation_steps = 1;

  int64_t first_batch = 0;  ///< begin here, counted from the start of epoch 0: for resuming
  int64_t end_batch = -1;   ///< make none from here on; negative: no end
};

/// What one micro-batch of training needs. Element i of each list belongs to samples[i].
struct Batch {
  int epoch = 0;                        ///< from 0
  int64_t index = 0;                    ///< within the epoch, from 0
  Size bucket{};                        ///< pixels; the latent is an eighth of it
  std::vector<int> samples{};           ///< indices into TrainingData::samples
  std::vector<uint8_t> flipped{};       ///< 1: mirrored left to right
  std::vector<float> images{};          ///< [N, height, width, 3] in [-1, 1]; empty without decode_images
  std::vector<float> masks{};           ///< [N, height, width]; empty without decode_images, or where no sample has one
  std::vector<std::string> captions{};  ///< after shuffling, dropout and the rest
  std::vector<float> loss_weights{};
  std::vector<std::string> files{};
  double waited_seconds = 0;  ///< how long next() waited for it
};

/// The network's input of one sample, cut from its middle: [height, width, 3] of its bucket, in [-1, 1]. Can be called
/// from any thread. Throws Error when the file cannot be read or is no longer the one that was looked at.
std::vector<float> load_sample(const TrainingData& data, int sample, bool flipped);

/// The factors on the loss of one sample that has a mask: [height, width] of its bucket, in [0, 1], from its mask
/// picture or else its own alpha, which is 1 where the file has no transparency. Throws Error as load_sample does.
std::vector<float> load_mask(const TrainingData& data, int sample, bool flipped);

/// Its alpha alone, whatever mask picture it has: 1 where the file has no transparency.
std::vector<float> load_alpha_mask(const TrainingData& data, int sample, bool flipped);

/// Makes batches on threads of its own ahead of the one who trains, and hands them out in order. Which batches come,
/// with which flips and captions, is a function of the seed alone.
class Loader {
 public:
  /// Epoch after epoch. `data` must outlive the loader.
  Loader(const TrainingData& data, const LoaderConfig& config);
  ~Loader();

  /// Waits for the next batch. Rethrows what went wrong while it was made, and again at every later call. Throws Error
  /// after the last batch.
  Batch next();
  /// False after the last batch.
  bool has_next() const;
  int64_t batches_per_epoch() const;
  /// Batches that are ready or being made; never more than queue_batches.
  int queued() const;

 private:
  class Queue;
  std::unique_ptr<Queue> queue_;
};

}  // namespace rankine
