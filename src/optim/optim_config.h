#pragma once
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "optim/lr_schedule.h"

namespace rankine {

/// Optimiser and learning rates, as flags describe them. Fields carry the names of sd-scripts' flags.
struct OptimConfig {
  std::string optimizer_type;                              ///< "AdamW", also when empty
  bool use_8bit_adam = false, use_lion_optimizer = false;  ///< old short forms of a type
  std::vector<std::string> optimizer_args;                 ///< "key=value" each: parsed by the optimiser
  double learning_rate = 2e-6;                             ///< of groups without unet_lr or text_encoder_lr
  std::optional<double> unet_lr;
  std::vector<double> text_encoder_lr;  ///< one for all text encoders, or one each
  double max_grad_norm = 1.0;           ///< limit of the gradients' global norm; 0: no limit
  /// The run fills in its learning_rate and max_train_steps.
  LrScheduleConfig lr_schedule;

  /// The optimiser's type. Throws Error when the flags name two.
  std::string type() const;
  double unet_rate() const { return unet_lr.value_or(learning_rate); }
  /// The rate of text encoder `i`, from 0; without a rate of its own it has the first one's.
  double text_encoder_rate(size_t i) const {
    return text_encoder_lr.empty() ? learning_rate : text_encoder_lr[i < text_encoder_lr.size() ? i : 0];
  }
  /// The first of them that is not 0; the others are multiples of it.
  double text_encoder_rate() const {
    const auto found = std::ranges::find_if(text_encoder_lr, [](double rate) { return rate != 0; });
    return found == text_encoder_lr.end() ? text_encoder_rate(0) : *found;
  }
};

}  // namespace rankine
