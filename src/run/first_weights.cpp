#include "run/first_weights.h"

#include <cmath>

#include "base/rng.h"
#include "network/adapter_file.h"
#include "sample/image_sampler.h"

namespace rankine {
namespace {

std::string down_name(const AdaptedLayer& m) { return m.key + ".lora_down.weight"; }
std::string up_name(const AdaptedLayer& m) { return m.key + ".lora_up.weight"; }

}  // namespace

std::vector<std::string> set_first_weights(TrainingStep& trainer, const NetworkConfig& config,
                                           const Checkpoint& checkpoint, uint64_t seed) {
  const std::vector<AdaptedLayer>& modules = trainer.settings().layers;
  for (size_t i = 0; i < modules.size(); ++i) {
    std::vector<float> down(static_cast<size_t>(count_of(modules[i].down_shape())));
    const float bound = 1 / std::sqrt(static_cast<float>(modules[i].fan_in()));
    Rng rng(seed, purpose::adapter_init, i);
    for (float& x : down) x = (2 * rng.uniform() - 1) * bound;
    trainer.set_weights(down_name(modules[i]), down);
    trainer.set_weights(up_name(modules[i]), std::vector<float>(static_cast<size_t>(count_of(modules[i].up_shape()))));
  }
  if (!config.network_weights) return {};
  NetworkWeights weights = read_network_weights(*config.network_weights, modules,
                                                adaptable_layers(checkpoint.tensors(), checkpoint.family().adaptable));
  for (const LoadedLora& lora : weights.loaded) {
    trainer.set_weights(down_name(lora.module), lora.down);
    trainer.set_weights(up_name(lora.module), lora.up);
  }
  return std::move(weights.notes);
}

}  // namespace rankine
