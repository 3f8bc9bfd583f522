#pragma once
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace rankine::golden {

/// The values of a recorded run's command line by flag, without the dashes: of a list the first, "" of a switch.
std::map<std::string, std::string> arguments_of(const nlohmann::ordered_json& run);

/// The model that a recorded run trained: by the name of its checkpoint, else by the beginning of the run's own name.
std::string model_of_run(const std::string& name, const nlohmann::ordered_json& run);

/// The reason why a recorded command line can't be read: a flag that isn't built; empty where it can.
std::string reason_to_skip_command(const nlohmann::ordered_json& run);

/// The reason why a recorded run can't be repeated: a family or a flag that isn't built, or files that the reference
/// folder lacks; empty where it can.
std::string reason_to_skip_run(const std::string& name, const nlohmann::ordered_json& run);

}  // namespace rankine::golden
