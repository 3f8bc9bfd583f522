#pragma once
#include "network/adapter.h"

namespace rankine {

/// Low-rank adaptation (Hu et al. 2021, arXiv:2106.09685): y becomes y + (alpha / rank) * up(down(x)).
/// Tensors of a layer with the weight [out, in] or [out, in, kh, kw]:
///   lora_down.weight [rank, in] or [rank, in, kh, kw] (the layer's own kernel),
///   lora_up.weight   [out, rank] or [out, rank, 1, 1].
extern const AdapterKind lora_adapter;

}  // namespace rankine
