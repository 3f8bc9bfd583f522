#pragma once
#include "optim/optimizer.h"

namespace rankine {

/// Optimisers whose state is kept in 8 bits (Dettmers et al. 2021, arXiv:2110.02861), a quarter of the usual size.
/// Tensors of 4096 elements and more (min_8bit_size) are quantised in blocks of 256; smaller ones are updated by the
/// 32-bit optimiser. Arguments and defaults are the 32-bit optimiser's. A "paged" optimiser is the same here, because
/// on the CPU all memory is the host's.
std::unique_ptr<Optimizer> make_adamw_8bit(std::span<const std::string> args);
std::unique_ptr<Optimizer> make_paged_adamw_8bit(std::span<const std::string> args);
std::unique_ptr<Optimizer> make_lion_8bit(std::span<const std::string> args);
std::unique_ptr<Optimizer> make_paged_lion_8bit(std::span<const std::string> args);
std::unique_ptr<Optimizer> make_sgd_nesterov_8bit(std::span<const std::string> args);

}  // namespace rankine
