#pragma once
#include "models/blocks/scope.h"

namespace rankine {

/// Residual convolutions, with a shift from the time embedding if there is one (Ho et al. 2020, arXiv:2006.11239, app.
/// B). x: [N, H, W, C], temb: [N, T] (after its silu) or none -> [N, H, W, channels].
Value resnet_block(const Scope& s, Value x, Value temb, int64_t channels, double eps);

}  // namespace rankine
