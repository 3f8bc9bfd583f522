#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "data/loader.h"
#include "train/latent_encoder.h"

namespace rankine {

/// The latents of every picture, in memory.
class LatentCache {
 public:
  /// After each picture; false ends the filling.
  using Watch = std::function<bool(int64_t done, int64_t total)>;

  /// Encodes every picture once, and its mirror image where its folder has flip_aug, while the loader's threads decode
  /// the next ones. Throws Error naming the file whose latents are not finite.
  void fill(const TrainingData& data, const LoaderConfig& loader, LatentEncoder& encoder, const Watch& watch);

  /// [h, w, 4], before kVaeScale.
  const std::vector<float>& latents(int sample, bool flipped) const {
    return latents_[static_cast<size_t>(sample)][flipped ? 1 : 0];
  }
  int64_t bytes() const;

 private:
  std::vector<std::array<std::vector<float>, 2>> latents_;  // by sample; as it is, mirrored
};

/// The random numbers of a picture's latents, [h, w, 4]: `draw` is 0 for latents that are computed once and kept, and
/// the micro-batch's number, from 1, for those that are computed each time.
std::vector<float> latent_noise(uint64_t seed, int64_t draw, int sample, bool flipped, size_t count);

}  // namespace rankine
