#include "step/parameter_groups.h"

#include <algorithm>

namespace rankine {
namespace {

ParameterGroup& group_named(std::vector<ParameterGroup>& groups, const std::string& name) {
  const auto found = std::ranges::find(groups, name, &ParameterGroup::name);
  return found != groups.end() ? *found : groups.emplace_back(ParameterGroup{.name = name, .tensors = {}});
}

std::string base_name(const AdaptedLayer& layer) {
  if (layer.in_text_encoder()) return "text_encoder";
  return layer.rate_block ? "unet_block" + std::to_string(*layer.rate_block) : "unet";
}

}  // namespace

std::vector<ParameterGroup> parameter_groups(const StepSettings& settings, const UpdateSettings& update) {
  std::vector<ParameterGroup> groups;
  for (const AdaptedLayer& layer : settings.layers) {
    if (!settings.trains(layer)) continue;
    const std::string name = base_name(layer);
    const std::optional<double> ratio =
        layer.in_text_encoder() ? update.text_encoder_plus_ratio : update.unet_plus_ratio;
    for (const AdapterTensor& tensor : settings.adapter->tensors(layer)) {
      const bool plus = tensor.second && ratio;
      ParameterGroup& group = group_named(groups, plus ? name + "_plus" : name);
      group.text_encoder = layer.in_text_encoder();
      group.factor = layer.lr_weight * (plus ? *ratio : 1);
      group.tensors.push_back(tensor_name(layer, tensor));
    }
  }
  return groups;
}

}  // namespace rankine
