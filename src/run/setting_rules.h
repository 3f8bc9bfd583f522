#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "run/train_config.h"

namespace rankine {

/// Two settings, or more, that exclude or silence each other.
struct SettingRule {
  enum class Kind { error, warning };
  Kind kind;  ///< as in sd-scripts: an error where it stops, a warning where it goes on without one of them
  bool (*broken)(const TrainConfig& config);
  std::string_view message;
};

/// All rules, in the order in which they are looked at.
std::span<const SettingRule> setting_rules();

/// Throws Error for the first rule of that kind that the config breaks.
void check_setting_rules(const TrainConfig& config);

/// The messages of all warnings.
std::vector<std::string> setting_warnings(const TrainConfig& config);

}  // namespace rankine
