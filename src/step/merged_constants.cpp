#include "step/merged_constants.h"

#include <filesystem>

#include "io/file_hash.h"
#include "io/python_text.h"
#include "network/lora_names.h"

namespace rankine {
namespace {

double multiplier(const NetworkConfig& config, size_t file) {
  return file < config.base_weights_multiplier.size() ? config.base_weights_multiplier[file] : 1.0;
}

}  // namespace

MergedConstants::MergedConstants(ConstantSource& base, std::span<const WeightedLora> loras) : base_(base) {
  for (LoadedLora& lora : merge_loras(loras)) {
    std::string name = lora.module.path + ".weight";
    by_weight_.emplace(std::move(name), std::move(lora));
  }
}

void MergedConstants::read(std::string_view name, const Shape& shape, std::span<float> out) {
  base_.read(name, shape, out);
  if (const auto merged = by_weight_.find(name); merged != by_weight_.end()) add_update(merged->second, out);
}

std::vector<WeightedLora> read_base_weights(const NetworkConfig& config, const Checkpoint& checkpoint) {
  if (config.base_weights.empty()) return {};
  const std::vector<AdaptedLayer> adaptable = adaptable_layers(checkpoint.tensors(), checkpoint.family().adaptable);
  std::vector<WeightedLora> loras;
  for (size_t i = 0; i < config.base_weights.size(); ++i)
    loras.push_back({read_lora(config.base_weights[i], adaptable), multiplier(config, i)});
  return loras;
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
