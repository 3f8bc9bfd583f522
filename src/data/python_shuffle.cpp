#include "data/python_shuffle.h"

#include <array>
#include <bit>
#include <numeric>
#include <span>
#include <utility>

namespace rankine {
namespace {

/// MT19937 (Matsumoto and Nishimura 1998), seeded from a list of numbers by its authors' init_by_array. std::mt19937 is
/// the same generator but lacks this seeding.
class MersenneTwister {
 public:
  explicit MersenneTwister(std::span<const uint32_t> key) {
    state_[0] = 19650218;
    for (uint32_t i = 1; i < kSize; ++i) state_[i] = 1812433253 * mixed(i - 1) + i;
    size_t i = 1, j = 0;
    for (size_t round = 0; round < kSize; ++round) {
      state_[i] = (state_[i] ^ mixed(i - 1) * 1664525) + key[j] + static_cast<uint32_t>(j);
      j = (j + 1) % key.size();
      advance(i);
    }
    for (size_t round = 0; round < kSize - 1; ++round) {
      state_[i] = (state_[i] ^ mixed(i - 1) * 1566083941) - static_cast<uint32_t>(i);
      advance(i);
    }
    state_[0] = 0x80000000;
  }

  uint32_t next() {
    if (used_ == kSize) renew();
    uint32_t y = state_[used_++];
    y ^= y >> 11;
    y ^= y << 7 & 0x9d2c5680;
    y ^= y << 15 & 0xefc60000;
    return y ^ y >> 18;
  }

 private:
  static constexpr size_t kSize = 624, kShift = 397;

  uint32_t mixed(size_t i) const { return state_[i] ^ state_[i] >> 30; }
  void advance(size_t& i) {
    if (++i < kSize) return;
    state_[0] = state_[kSize - 1];
    i = 1;
  }
  void renew() {
    for (size_t i = 0; i < kSize; ++i) {
      const uint32_t y = (state_[i] & 0x80000000) | (state_[(i + 1) % kSize] & 0x7fffffff);
      state_[i] = state_[(i + kShift) % kSize] ^ y >> 1 ^ (y & 1 ? 0x9908b0df : 0);
    }
    used_ = 0;
  }

  std::array<uint32_t, kSize> state_{};
  size_t used_ = kSize;
};

}  // namespace

std::vector<int> python_shuffle(int count, int64_t seed) {
  // Python takes the seed's absolute value, in words of 32 bits without leading zeros.
  const uint64_t magnitude = seed < 0 ? 0 - static_cast<uint64_t>(seed) : static_cast<uint64_t>(seed);
  const std::array<uint32_t, 2> words = {static_cast<uint32_t>(magnitude), static_cast<uint32_t>(magnitude >> 32)};
  MersenneTwister random(std::span<const uint32_t>(words).first(words[1] ? 2 : 1));
  std::vector<int> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  for (uint32_t i = static_cast<uint32_t>(count); i-- > 1;) {
    const int bits = std::bit_width(i + 1);
    uint32_t j = random.next() >> (32 - bits);
    while (j > i) j = random.next() >> (32 - bits);
    std::swap(order[i], order[j]);
  }
  return order;
}

}  // namespace rankine
