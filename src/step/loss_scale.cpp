#include "step/loss_scale.h"

namespace rankine {
namespace {

constexpr double kGrowth = 2, kBackoff = 0.5;
constexpr int64_t kGrowthInterval = 2000;
constexpr double kLargest = 0x1p127;  // in f32, which torch keeps it in

}  // namespace

void LossScale::update(bool overflowed) {
  if (!dynamic_) return;
  if (overflowed) {
    state_ = {state_.scale * kBackoff, 0};
  } else if (++state_.clean_steps == kGrowthInterval) {
    state_ = {state_.scale < kLargest ? state_.scale * kGrowth : state_.scale, 0};
  }
}

}  // namespace rankine
