#pragma once
#include <span>
#include <vector>

#include "network/adapter_file.h"

namespace rankine {

/// A LoRA and how strongly it is to work: 1 as it was trained, 0 not at all, below 0 the other way.
struct WeightedLora {
  std::vector<LoadedLora> modules;
  double strength = 1;
};

/// Several LoRAs as one whose effect is their sum. What they do to one module is stacked along the rank: the `down`
/// below each other, the `up`, times strength * alpha / rank, side by side; so alpha = rank in the result. LoRAs of
/// strength 0 are left out, and so a sum without any is the base model to the bit. Modules come in the order in which
/// they are met first. All LoRAs must be for one model (read_lora sees to it).
std::vector<LoadedLora> merge_loras(std::span<const WeightedLora> loras);

/// Adds a LoRA's update to the weight that it adapts: weight + alpha / rank * up * down, in f32.
void add_update(const LoadedLora& lora, std::span<float> weight);

}  // namespace rankine
