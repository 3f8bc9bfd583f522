#include "layout_weights.h"

#include <cmath>

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

namespace {

TensorNames names_of(const Layout& layout) {
  TensorNames names;
  for (const auto& [name, shape] : layout.tensors) names.add(name, shape);
  return names;
}

}  // namespace

const Family& layout_family(const ModelLayout& layout) {
  const Family* family = recognise_family(names_of(read_layout(layout.path.string())));
  check(family != nullptr, layout.path.string(), ": the layout is of no known family");
  return *family;
}

std::vector<NamedShape> layout_weights(const ModelLayout& layout) {
  const Layout file = read_layout(layout.path.string());
  const TensorNames all = names_of(file);
  const Family& family = layout_family(layout);
  std::vector<NamedShape> weights;
  for (const NamedShape& tensor : file.tensors)
    for (NamedShape& one : canonical_tensors(family, tensor, all)) weights.push_back(std::move(one));
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
