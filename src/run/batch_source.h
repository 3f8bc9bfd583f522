#pragma once
#include <map>
#include <optional>

#include "data/loader.h"
#include "diffusion/noise_schedule.h"
#include "run/latent_cache.h"
#include "run/train_config.h"
#include "step/step_inputs.h"

namespace rankine {

/// One micro-batch ready for the step, and what it took.
struct ReadyBatch {
  Batch batch;
  StepInputs inputs;
  double load_seconds = 0;     ///< waiting for the loader
  double encode_seconds = 0;   ///< the VAE, where latents are not cached
  double prepare_seconds = 0;  ///< tokens, noise, target
};

/// Makes a run's micro-batches, one after the other: a function of the seed and the data alone.
class BatchSource {
 public:
  /// Latents come from `cache`, or, when it is null, from `encoder`. Everything referred to must outlive it.
  BatchSource(const TrainConfig& config, const Model& model, const TrainingData& data, const LoaderConfig& loader,
              const LatentCache* cache, LatentEncoder* encoder);

  /// Throws Error when a picture cannot be read any more or its latents are not finite.
  ReadyBatch next();

 private:
  /// Of picture `i` of the batch: latents [h, w, C], and factors on the error [h, w], empty where it has no mask.
  std::vector<float> latents(const Batch& batch, size_t i);
  std::vector<float> loss_mask(const Batch& batch, size_t i);

  LossConfig loss_;
  const TrainingData& data_;
  uint64_t seed_;
  const Model& model_;
  int64_t chunks_;
  bool weighted_captions_;
  const LatentCache* cache_;
  LatentEncoder* encoder_;
  NoiseSchedule schedule_;
  /// Masks in the latents' size, by sample and flip: made when a picture first comes.
  std::map<std::pair<int, bool>, std::vector<float>> masks_;
  int64_t made_;  // micro-batches since the run's very first
  Loader loader_;
};

/// The loader of a run: the caller adds what follows from the run's length.
LoaderConfig loader_config(const TrainConfig& config, uint64_t seed);

/// The loss with what the model predicts. Throws Error when an option contradicts that.
LossConfig loss_config(const TrainConfig& config);

/// The factors on the loss of one sample, cut from its middle, in the latents' size [h, w]; empty where it has no mask.
std::vector<float> latent_mask(const TrainingData& data, const LatentSpace& space, int sample, bool flipped);

}  // namespace rankine
