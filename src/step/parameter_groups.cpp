#include "step/parameter_groups.h"

#include <algorithm>

namespace rankine {
namespace {

ParameterGroup& group_named(std::vector<ParameterGroup>& groups, const std::string& name) {
  const auto found = std::ranges::find(groups, name, &ParameterGroup::name);
  return found != groups.end() ? *found : groups.emplace_back(ParameterGroup{.name = name, .tensors = {}});
}

std::string base_name(const AdaptedLayer& module) {
  if (module.in_text_encoder()) return "text_encoder";
  return module.rate_block ? "unet_block" + std::to_string(*module.rate_block) : "unet";
}

}  // namespace

std::vector<ParameterGroup> parameter_groups(const StepSettings& settings, const UpdateSettings& update) {
  std::vector<ParameterGroup> groups;
  const auto put = [&](const AdaptedLayer& module, const std::string& name, double factor, const char* tensor) {
    ParameterGroup& group = group_named(groups, name);
    group.text_encoder = module.in_text_encoder();
    group.factor = factor;
    group.tensors.push_back(module.key + tensor);
  };
  for (const AdaptedLayer& module : settings.layers) {
    if (!settings.trains(module)) continue;
    const std::string name = base_name(module);
    const std::optional<double> ratio =
        module.in_text_encoder() ? update.text_encoder_loraplus_ratio : update.unet_loraplus_ratio;
    put(module, name, module.lr_weight, ".lora_down.weight");
    put(module, ratio ? name + "_plus" : name, module.lr_weight * ratio.value_or(1), ".lora_up.weight");
  }
  return groups;
}

}  // namespace rankine
