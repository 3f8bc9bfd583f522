#include "base/rng.h"

#include <cmath>
#include <numbers>

namespace rankine {

RandomKey random_key(uint64_t seed, uint32_t purpose, uint64_t a) {
  return {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32) ^ (purpose * 0x85EBCA6Bu),
          static_cast<uint32_t>(a), static_cast<uint32_t>(a >> 32)};
}

Rng::Rng(uint64_t seed, uint32_t purpose, uint64_t a, uint32_t b) : Rng(random_key(seed, purpose, a), b) {}

Rng::Rng(const RandomKey& key, uint32_t b) : key_{key[0], key[1]}, counter_{0, key[2], key[3], b} {}

uint32_t Rng::next_u32() {
  if (used_ == 4) {
    block_ = philox(key_, counter_);
    ++counter_[0];
    used_ = 0;
  }
  return block_[used_++];
}

float Rng::uniform() { return static_cast<float>(next_u32() >> 8) * 0x1p-24f; }

uint32_t Rng::below(uint32_t bound) {
  const uint32_t reject_below = (0u - bound) % bound;  // 2^32 mod bound
  for (;;) {
    const uint32_t value = next_u32();
    if (value >= reject_below) return value % bound;
  }
}

float Rng::normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  const double u = (static_cast<double>(next_u32()) + 1.0) * 0x1p-32;  // (0, 1]
  const double v = static_cast<double>(next_u32()) * 0x1p-32;
  const double radius = std::sqrt(-2.0 * std::log(u)), angle = 2.0 * std::numbers::pi * v;
  spare_ = static_cast<float>(radius * std::sin(angle));
  has_spare_ = true;
  return static_cast<float>(radius * std::cos(angle));
}

void Rng::fill_normal(std::span<float> out) {
  for (float& value : out) value = normal();
}

}  // namespace rankine
