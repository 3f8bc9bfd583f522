#include "golden/recorded_run.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/train_options.h"
#include "golden/golden_model.h"
#include "support/reference.h"

namespace rankine::golden {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::map<std::string, std::string> arguments_of(const Json& run) {
  std::map<std::string, std::string> arguments;
  std::string flag;
  for (const auto& word : run.at("argv").get<std::vector<std::string>>()) {
    if (word.starts_with("--")) {
      flag = word.substr(2);
      arguments[flag];
    } else if (arguments[flag].empty()) {
      arguments[flag] = word;
    }
  }
  return arguments;
}

std::string model_of_run(const std::string& name, const Json& run) {
  const std::map<std::string, std::string> arguments = arguments_of(run);
  const auto checkpoint = arguments.find("pretrained_model_name_or_path");
  if (checkpoint != arguments.end())
    if (const std::string stem = fs::path(checkpoint->second).stem().string(); find_model_layout(stem)) return stem;
  return name.substr(0, name.find('.'));
}

std::string reason_to_skip_command(const Json& run) {
  try {
    Messages messages;
    read_train_options(run.at("argv").get<std::vector<std::string>>(), messages);
    return "";
  } catch (const Error& error) {
    const std::string text = error.what();
    const size_t end = text.find(" is not supported yet");
    if (end == std::string::npos) throw;
    return text.substr(0, end);
  }
}

std::string reason_to_skip_run(const std::string& name, const Json& run) {
  if (const std::string reason = reason_to_skip(model_of_run(name, run)); !reason.empty()) return reason;
  if (const std::string reason = reason_to_skip_command(run); !reason.empty()) return reason;
  const std::map<std::string, std::string> arguments = arguments_of(run);
  if (const auto file = arguments.find("dataset_config"); file != arguments.end())
    if (!fs::exists(reference_folder() / "dataset" / fs::path(file->second).filename())) return "no dataset file";
  return has_pictures_of_run(run.at("metadata")) ? "" : "no pictures";
}

}  // namespace rankine::golden
