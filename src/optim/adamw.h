#pragma once
#include "optim/optimizer.h"

namespace rankine {

/// Adam with decoupled weight decay (Loshchilov & Hutter 2017, arXiv:1711.05101), with torch's defaults.
/// State: two f32 a parameter.
struct AdamWConfig {
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0.01;
};
AdamWConfig adamw_config(std::span<const std::string> args);
std::unique_ptr<Optimizer> make_adamw(std::span<const std::string> args);
/// The same as make_adamw: on the CPU all memory is the host's.
std::unique_ptr<Optimizer> make_paged_adamw(std::span<const std::string> args);
std::unique_ptr<Optimizer> make_paged_adamw_32bit(std::span<const std::string> args);

}  // namespace rankine
