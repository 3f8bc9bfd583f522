#include "step/parameter_groups.h"

#include <algorithm>
#include <map>
#include <set>

namespace rankine {
namespace {

ParameterGroup& group_named(std::vector<ParameterGroup>& groups, const std::string& name) {
  const auto found = std::ranges::find(groups, name, &ParameterGroup::name);
  return found != groups.end() ? *found : groups.emplace_back(ParameterGroup{.name = name, .tensors = {}});
}

std::string base_name(const AdaptedLayer& layer) {
  const bool text = layer.in_text_encoder();
  if (!layer.rate_block) return text ? "text_encoder" : "unet";
  return (text ? "text_encoder" : "unet_block") + std::to_string(*layer.rate_block);
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

std::vector<UpdatedVariable> updated_variables(std::span<const Value> trained, std::span<const ParameterGroup> groups,
                                               bool flat) {
  std::map<std::string_view, Value> tensors;
  for (const Value& tensor : trained) tensors.emplace(tensor.node().scope(), tensor);
  std::map<std::string_view, std::string_view> group_of;
  std::set<std::string_view> leaders;
  std::vector<UpdatedVariable> variables;
  for (const ParameterGroup& group : groups) {
    UpdatedVariable whole = {.name = group.name, .shape = {0}, .group = group.name, .leads = true};
    for (const std::string& tensor : group.tensors) {
      group_of.emplace(tensor, group.name);
      if (const auto found = tensors.find(tensor); found != tensors.end()) {
        whole.members.push_back({tensor, found->second.type().count()});
        whole.shape[0] += whole.members.back().count;
        if (whole.members.size() == 1) leaders.insert(tensor);
      }
    }
    if (flat && !whole.members.empty()) variables.push_back(std::move(whole));
  }
  for (const Value& tensor : trained) {
    const std::string& name = tensor.node().scope();
    const auto group = group_of.find(name);
    check(group != group_of.end(), name, " is in no group of parameters");
    if (!flat) variables.push_back({name, tensor.shape(), std::string(group->second), leaders.contains(name)});
  }
  return variables;
}

std::vector<FlatMember> prefixed(std::string_view prefix, std::span<const FlatMember> members) {
  std::vector<FlatMember> all;
  for (const FlatMember& member : members) all.push_back({concat_text(prefix, member.name), member.count});
  return all;
}

}  // namespace rankine
