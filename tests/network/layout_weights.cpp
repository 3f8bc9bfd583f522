#include "layout_weights.h"

#include <cmath>

#include "models/checkpoint/diffusers_names.h"
#include "models/checkpoint/layout.h"
#include "models/checkpoint/synthetic.h"
#include "network/lora.h"

namespace rankine::golden {
namespace {

std::vector<float> synthetic_values(const std::string& name, const Shape& shape, uint64_t seed) {
  std::vector<float> values(static_cast<size_t>(count_of(shape)));
  synthetic_f32(name, shape, seed, values);
  return values;
}

}  // namespace

std::vector<NamedShape> layout_weights(const ModelLayout& layout) {
  const DiffusersNames names{BlockStructure{}};
  std::vector<NamedShape> weights;
  for (const NamedShape& tensor : read_layout(layout.path.string()).tensors) {
    if (const auto canonical = names.to_canonical(tensor.name)) weights.push_back({*canonical, tensor.shape});
  }
  return weights;
}

AdapterWeights synthetic_lora(const std::vector<AdaptedLayer>& layers, uint64_t seed) {
  AdapterWeights lora{.kind = &lora_adapter};
  for (const AdaptedLayer& layer : layers) {
    LayerWeights& weights = lora.layers.emplace_back(LayerWeights{.layer = layer});
    for (const AdapterTensor& tensor : lora_adapter.tensors(layer))
      weights.tensors.push_back(synthetic_values(tensor_name(layer, tensor), tensor.shape, seed));
  }
  return lora;
}

}  // namespace rankine::golden
