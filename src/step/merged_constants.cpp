#include "step/merged_constants.h"

#include <filesystem>

#include "base/log.h"
#include "io/file_hash.h"
#include "io/python_text.h"
#include "network/adapter_file.h"

namespace rankine {
namespace {

double multiplier(const NetworkConfig& config, size_t file) {
  return file < config.base_weights_multiplier.size() ? config.base_weights_multiplier[file] : 1.0;
}

}  // namespace

MergedConstants::MergedConstants(ConstantSource& base, std::vector<WeightedAdapter> adapters) : base_(base) {
  for (WeightedAdapter& adapter : adapters) {
    if (adapter.strength == 0) continue;
    for (LayerWeights& weights : adapter.weights.layers) {
      const std::string name = weights.layer.path + ".weight";
      updates_[name].push_back({adapter.weights.kind, std::move(weights), adapter.strength});
    }
  }
}

void MergedConstants::read(std::string_view name, const Shape& shape, std::span<float> out) {
  base_.read(name, shape, out);
  const auto updates = updates_.find(name);
  if (updates == updates_.end()) return;
  std::vector<float> sum(out.size());  // all updates are of the unchanged weight
  for (const Update& update : updates->second) {
    check(update.weights.layer.weight == shape, update.kind->name, " module ", update.weights.layer.key,
          " is for a weight ", as_text(update.weights.layer.weight), ", the model's is ", as_text(shape));
    update.kind->add_update(update.weights, update.strength, out, sum);
  }
  for (size_t i = 0; i < out.size(); ++i) out[i] += sum[i];
}

std::vector<WeightedAdapter> read_base_weights(const NetworkConfig& config, const Checkpoint& checkpoint) {
  if (config.base_weights.empty()) return {};
  const std::vector<AdaptedLayer> adaptable = adaptable_layers(checkpoint.tensors(), checkpoint.family().adaptable);
  std::vector<WeightedAdapter> adapters;
  for (size_t i = 0; i < config.base_weights.size(); ++i) {
    adapters.push_back({read_adapter(config.base_weights[i], adaptable), multiplier(config, i)});
    for (const std::string& note : adapters.back().weights.notes) log::warning(note);
  }
  return adapters;
}

std::string base_weights_text(const NetworkConfig& config) {
  std::string text;
  for (size_t i = 0; i < config.base_weights.size(); ++i) {
    const std::string& path = config.base_weights[i];
    text += concat_text(i ? ", " : "", std::filesystem::path(path).filename().string(), " (",
                        sha256_of_file(path).substr(0, 12), ") times ", python_text(multiplier(config, i)));
  }
  return text.empty() ? "None" : text;
}

}  // namespace rankine
