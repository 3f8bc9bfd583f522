#pragma once
#include <cstdint>

namespace rankine {

/// The factor on a run's next loss in fp16, as a state keeps it.
struct LossScaleState {
  double scale = 65536;     ///< always a power of two, so that gradients lose nothing when it is divided out
  int64_t clean_steps = 0;  ///< since the scale last changed
  bool operator==(const LossScaleState&) const = default;
};

/// Dynamic loss scaling (Micikevicius et al. 2017, arXiv:1710.03740) by the rules and numbers of torch.amp.GradScaler:
/// a step whose gradients overflow is skipped and the scale halved; after 2000 clean steps it is doubled. Without fp16
/// the scale stays 1.
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
