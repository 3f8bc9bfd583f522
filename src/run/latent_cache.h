#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "data/latent_plan.h"
#include "run/cache_faults.h"
#include "step/latent_encoder.h"

namespace rankine {

/// How latents are made once and kept.
struct LatentCacheConfig {
  int threads = 1;             ///< that read and decode pictures ahead of the encoder
  bool to_disk = false;        ///< keep them beside the pictures, and read what is there
  bool skip_check = false;     ///< read files without asking what they were made from
  std::string vae{};           ///< see vae_digest (step/weights_digest.h); needed for to_disk
  DType compute = DType::f32;  ///< of the encoder
};

/// The work and time of filling the cache.
struct LatentCacheReport {
  int64_t read = 0;  ///< pictures whose latents were on the disk
  int64_t made = 0;
  double seconds = 0;
  double decode_seconds = 0;  ///< reading files, decoding and resizing, summed over the threads
  double wait_seconds = 0;    ///< the encoder had nothing to do
  double encode_seconds = 0;
  double write_seconds = 0;
  CacheFaults faults{};
};

/// The latents of every picture, in memory. They follow from the picture and the autoencoder alone, not from the run's
/// seed: that is what lets them be kept on the disk.
class LatentCache {
 public:
  /// After each picture; false ends the filling.
  using Watch = std::function<bool(const LatentCacheReport& so_far, int64_t total)>;

  /// Reads or encodes every picture once, and its mirror image where its folder has flip_aug: some threads read and
  /// decode while the encoder works. Files are written as soon as their latents are there,
  /// each whole or not at all, so that filling goes on where it was stopped. What the disk refuses is in memory only.
  /// Throws Error naming the file that cannot be read or whose latents are not finite.
  LatentCacheReport fill(const TrainingData& data, const LatentCacheConfig& config, LatentEncoder& encoder,
                         const Watch& watch);

  /// [h, w, channels], before LatentSpace::scale.
  const std::vector<float>& latents(int sample, bool flipped) const { return kept(sample).latents[flipped ? 1 : 0]; }
  /// The alpha of a sample whose folder has alpha_mask, [h, w] in the latents' size.
  const std::vector<float>& mask(int sample, bool flipped) const { return kept(sample).masks[flipped ? 1 : 0]; }
  int64_t bytes() const;

 private:
  friend class LatentFilling;
  struct Kept {
    std::array<std::vector<float>, 2> latents, masks;  // as it is, mirrored
  };
  const Kept& kept(int sample) const {
    return items_[static_cast<size_t>(item_of_sample_[static_cast<size_t>(sample)])];
  }

  std::vector<Kept> items_;
  std::vector<int> item_of_sample_;
};

/// Bytes that the cache of these pictures will hold in memory once it is filled.
int64_t planned_latent_bytes(const TrainingData& data, bool to_disk);

/// The random numbers of a picture's latents, [h, w, channels], where they are computed each time: `draw` is the
/// micro-batch's number, from 1.
std::vector<float> latent_noise(uint64_t seed, int64_t draw, int sample, bool flipped, size_t count);

/// "latents of 2000 pictures in 31.2 s, 64.1 images/s: 12 read from disk, 1988 made; ...", and what was refused and
/// why, a line each.
std::string report_text(const LatentCacheReport& report, int threads);

}  // namespace rankine
