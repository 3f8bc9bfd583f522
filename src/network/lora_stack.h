#pragma once
#include <span>
#include <vector>

#include "network/adapter.h"

namespace rankine {

/// Several LoRAs as one whose effect is the sum of theirs, each times its strength. Updates of the same layer are
/// stacked along the rank: the `down` matrices below each other, the `up` matrices, times strength * alpha / rank, side
/// by side; the result has alpha = rank. LoRAs of strength 0 are left out: without any other the result is empty, which
/// is the base model bit for bit. Layers come in the order in which they are met first. All LoRAs must be for one model
/// (read_adapter checks it).
std::vector<LayerWeights> stack_loras(std::span<const WeightedAdapter> loras);

}  // namespace rankine
