#pragma once
#include "optim/optimizer.h"

namespace rankine {

/// Schedule-free learning (Defazio et al. 2024, arXiv:2405.15682), with the schedulefree package's defaults: the rate
/// is constant, and the average of the weights is saved. State of SGD: one f32 a parameter; of AdamW and RAdam: two.
std::unique_ptr<Optimizer> make_adamw_schedule_free(std::span<const std::string> args);
std::unique_ptr<Optimizer> make_radam_schedule_free(std::span<const std::string> args);
std::unique_ptr<Optimizer> make_sgd_schedule_free(std::span<const std::string> args);

}  // namespace rankine
