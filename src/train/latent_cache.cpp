#include "train/latent_cache.h"

#include <algorithm>

#include "base/rng.h"

namespace rankine {

std::vector<float> latent_noise(uint64_t seed, int64_t draw, int sample, bool flipped, size_t count) {
  std::vector<float> noise(count);
  const uint64_t key = static_cast<uint64_t>(draw) << 32 | static_cast<uint32_t>(sample);
  Rng(seed, purpose::latents, key, flipped ? 1 : 0).fill_normal(noise);
  return noise;
}

void LatentCache::fill(const TrainingData& data, const LoaderConfig& config, LatentEncoder& encoder,
                       const Watch& watch) {
  latents_.assign(data.samples.size(), {});
  const auto has_flips = [&](const Sample& s) { return data.subset_of(s).options.flip_aug; };
  const auto flips = std::ranges::count_if(data.samples, has_flips);
  const int64_t total = static_cast<int64_t>(data.samples.size()) + flips;
  int64_t done = 0;
  for (const bool flipped : {false, true}) {
    if (flipped && flips == 0) break;
    Loader loader = Loader::once_each(data, config, 1, flipped);
    while (loader.has_next()) {
      const Batch batch = loader.next();
      const int sample = batch.samples[0];
      if (flipped && !has_flips(data.samples[static_cast<size_t>(sample)])) continue;
      const std::vector<float>& moments = encoder.encode(batch.bucket, batch.images);
      latents_[static_cast<size_t>(sample)][flipped ? 1 : 0] =
          sample_latents(moments, latent_noise(config.seed, 0, sample, flipped, moments.size() / 2), batch.files[0]);
      if (!watch(++done, total)) return;
    }
  }
}

int64_t LatentCache::bytes() const {
  size_t count = 0;
  for (const auto& sample : latents_) count += sample[0].size() + sample[1].size();
  return static_cast<int64_t>(count * sizeof(float));
}

}  // namespace rankine
