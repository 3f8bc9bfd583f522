#include "network/adapter.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/rng.h"
#include "io/nearest_name.h"

namespace rankine {

const AdapterKind& find_adapter(std::string_view network_module) {
  if (network_module.empty()) return *adapters().front();
  std::vector<std::string_view> names;
  for (const AdapterKind* kind : adapters()) {
    if (kind->network_module == network_module) return *kind;
    names.push_back(kind->network_module);
  }
  fail("--network_module: \"", network_module, "\" is unknown", nearest_hint(network_module, names), "; there are ",
       adapter_modules());
}

std::string adapter_modules() {
  std::string all;
  for (const AdapterKind* kind : adapters()) all.append(all.empty() ? "" : ",").append(kind->network_module);
  return all;
}

std::string tensor_name(const AdaptedLayer& layer, const AdapterTensor& tensor) {
  return concat_text(layer.key, '.', tensor.suffix);
}

bool has_rank(const AdapterKind& kind, const AdaptedLayer& layer) {
  return std::ranges::any_of(kind.tensors(layer), [](const AdapterTensor& tensor) { return tensor.rank_axis >= 0; });
}

int64_t parameter_count(const AdapterKind& kind, const AdaptedLayer& layer) {
  int64_t count = 0;
  for (const AdapterTensor& tensor : kind.tensors(layer)) count += count_of(tensor.shape);
  return count;
}

LayerWeights initial_weights(const AdapterKind& kind, const AdaptedLayer& layer, size_t index, uint64_t seed) {
  LayerWeights weights{.layer = layer};
  Rng rng(seed, purpose::adapter_init, index);
  for (const AdapterTensor& tensor : kind.tensors(layer)) {
    std::vector<float>& values = weights.tensors.emplace_back(static_cast<size_t>(count_of(tensor.shape)));
    if (tensor.init == Init::zeros) continue;
    const float bound = 1 / std::sqrt(static_cast<float>(count_of(tensor.shape) / tensor.shape[0]));
    for (float& x : values) x = (2 * rng.uniform() - 1) * bound;
  }
  return weights;
}

}  // namespace rankine
