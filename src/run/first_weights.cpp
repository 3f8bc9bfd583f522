#include "run/first_weights.h"

#include "network/adapter_file.h"

namespace rankine {

std::vector<std::string> set_first_weights(TrainingStep& trainer, const NetworkConfig& config,
                                           const Checkpoint& checkpoint, uint64_t seed) {
  const AdapterKind& kind = *trainer.settings().adapter;
  const std::vector<AdaptedLayer>& layers = trainer.settings().layers;
  const auto set = [&](const LayerWeights& weights) {
    const std::vector<AdapterTensor> tensors = kind.tensors(weights.layer);
    for (size_t i = 0; i < tensors.size(); ++i)
      trainer.set_weights(tensor_name(weights.layer, tensors[i]), weights.tensors[i]);
  };
  for (size_t i = 0; i < layers.size(); ++i) set(initial_weights(kind, layers[i], i, seed));
  if (!config.network_weights) return {};
  NetworkWeights first = read_network_weights(*config.network_weights, kind, layers,
                                              adaptable_layers(checkpoint.tensors(), checkpoint.family().adaptable));
  for (const LayerWeights& weights : first.loaded) set(weights);
  return std::move(first.notes);
}

}  // namespace rankine
