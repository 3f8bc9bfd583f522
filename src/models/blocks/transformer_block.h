#pragma once
#include "models/blocks/scope.h"

namespace rankine {

/// Diffusers' Transformer2DModel: group norm, 1x1 convolution in, one block of self-attention, cross-attention and a
/// gated feed-forward, 1x1 convolution out, residual (Rombach et al. 2022, arXiv:2112.10752, section 3.3).
/// x: [N, H, W, C], context: [N, L, D] -> [N, H, W, C].
Value spatial_transformer(const Scope& s, Value x, Value context, int64_t heads);

}  // namespace rankine
