// Names and shapes of a LoRA's two tensors, for tests.
#pragma once
#include "base/rng.h"
#include "network/lora.h"

namespace rankine::test {

inline Shape down_shape(const AdaptedLayer& layer) { return lora_adapter.tensors(layer)[0].shape; }
inline Shape up_shape(const AdaptedLayer& layer) { return lora_adapter.tensors(layer)[1].shape; }

/// A layer's weights, normal, other for each seed.
inline LayerWeights random_lora(AdaptedLayer layer, uint64_t seed) {
  LayerWeights weights{.layer = std::move(layer)};
  Rng rng(seed, purpose::adapter_init);
  for (const AdapterTensor& tensor : lora_adapter.tensors(weights.layer))
    rng.fill_normal(weights.tensors.emplace_back(static_cast<size_t>(count_of(tensor.shape))));
  return weights;
}

}  // namespace rankine::test
