#pragma once
#include "optim/optimizer.h"

namespace rankine {

/// Optimisers whose state is kept in 8 bits (Dettmers et al. 2021, arXiv:2110.02861), a quarter of what the others
/// need: tensors of 4096 elements and more (min_8bit_size), in blocks of 256; smaller ones as in the 32-bit optimiser.
/// Arguments and defaults are the 32-bit optimiser's. A "paged" one is the same here: memory is the host's anyway.
std::unique_ptr<Optimizer> make_adamw_8bit(std::span<const std::string> args);
std::unique_ptr<Optimizer> make_paged_adamw_8bit(std::span<const std::string> args);
std::unique_ptr<Optimizer> make_lion_8bit(std::span<const std::string> args);
std::unique_ptr<Optimizer> make_paged_lion_8bit(std::span<const std::string> args);
std::unique_ptr<Optimizer> make_sgd_nesterov_8bit(std::span<const std::string> args);

}  // namespace rankine
