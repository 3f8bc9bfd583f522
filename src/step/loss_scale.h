#pragma once
#include <cstdint>

namespace rankine {

/// What a run's next loss is multiplied by in fp16, as a state keeps it.
struct LossScaleState {
  double scale = 65536;     ///< always a power of two: gradients lose nothing when it is taken out again
  int64_t clean_steps = 0;  ///< since the scale last changed
  bool operator==(const LossScaleState&) const = default;
};

/// Dynamic loss scaling (Micikevicius et al. 2017, arXiv:1710.03740) by the rules and numbers of torch.amp.GradScaler:
/// a step whose gradients overflow is skipped and the scale halved; after 2000 steps without, it is doubled. Without
/// fp16 the scale is 1 and stays so.
class LossScale {
 public:
  LossScale(bool dynamic, const LossScaleState& state) : dynamic_(dynamic), state_(state) {}

  bool dynamic() const { return dynamic_; }
  double value() const { return dynamic_ ? state_.scale : 1; }
  const LossScaleState& state() const { return state_; }
  /// After each step.
  void update(bool overflowed);

 private:
  bool dynamic_;
  LossScaleState state_;
};

}  // namespace rankine
