#pragma once
#include <array>
#include <cstdint>
#include <span>

namespace rankine {

/// Philox4x32-10, a counter-based generator (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"). The
/// same (key, counter) always gives the same four words. So random numbers depend on their purpose and not on a running
/// state: the order and number of threads never change a run.
constexpr std::array<uint32_t, 4> philox(std::array<uint32_t, 2> key, std::array<uint32_t, 4> counter) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53u} * counter[0], p1 = uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<uint32_t>(p1 >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(p1),
               static_cast<uint32_t>(p0 >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(p0)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

/// The common part of all streams of one (seed, purpose, a): Philox's key, then the upper words of its counter. Word i
/// of stream b is word i % 4 of philox({key[0], key[1]}, {i / 4, key[2], key[3], b}).
using RandomKey = std::array<uint32_t, 4>;
RandomKey random_key(uint64_t seed, uint32_t purpose, uint64_t a);

/// A stream of random numbers, keyed by the run's seed and by (purpose, a, b), for instance ("noise", step,
/// sample).
class Rng {
 public:
  Rng(uint64_t seed, uint32_t purpose, uint64_t a = 0, uint32_t b = 0);
  Rng(const RandomKey& key, uint32_t b);

  uint32_t next_u32();
  /// Uniform in [0, 1), 24 bits.
  float uniform();
  /// Uniform in 0 ... bound - 1, without bias. Requires bound > 0.
  uint32_t below(uint32_t bound);
  /// Standard normal (Box-Muller, in double).
  float normal();
  void fill_normal(std::span<float> out);

 private:
  std::array<uint32_t, 2> key_;
  std::array<uint32_t, 4> counter_;
  std::array<uint32_t, 4> block_{};
  unsigned used_ = 4;
  float spare_ = 0;
  bool has_spare_ = false;
};

/// Purposes of random numbers; each is an independent stream. Never renumber: the values are part of a run's
/// reproducibility.
namespace purpose {
inline constexpr uint32_t noise = 1, timesteps = 2, latents = 3, noise_offset = 4, captions = 5, flip = 6, crop = 7,
                          batch_order = 8, adapter_init = 9, sample = 10, input_perturbation = 11, pyramid_noise = 12,
                          network_dropout = 13, color = 21;
}

}  // namespace rankine
