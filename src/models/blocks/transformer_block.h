#pragma once
#include "models/blocks/scope.h"

namespace rankine {

struct TransformerShape {
  int64_t heads = 8;
  int64_t depth = 1;       ///< blocks
  bool is_linear = false;  ///< the projections are linear layers, not 1x1 convolutions; both compute the same
};

/// Diffusers' Transformer2DModel: group norm, projection in, blocks of self-attention, cross-attention and a gated
/// feed-forward, projection out, residual (Rombach et al. 2022, arXiv:2112.10752, section 3.3).
/// x: [N, H, W, C], context: [N, L, D] -> [N, H, W, C].
Value spatial_transformer(const Scope& s, Value x, Value context, const TransformerShape& shape);

}  // namespace rankine
