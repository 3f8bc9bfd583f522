#include "cli/misplaced.h"

#include <filesystem>

#include "base/error.h"
#include "text/text_file.h"

namespace rankine {
namespace {

namespace fs = std::filesystem;

bool describes_datasets(const std::string& path) {
  try {
    return read_text_file(path, kLongestSettings).text.find("[[datasets]]") != std::string::npos;
  } catch (const Error&) {  // it is read again, and then told what is wrong with it
    return false;
  }
}

}  // namespace

std::string flag_of_file(const std::string& path) {
  std::error_code unknown;
  const std::string suffix = fs::path(path).extension().string();
  if (fs::is_directory(path, unknown))
    return fs::exists(fs::path(path) / "unet", unknown) ? "--pretrained_model_name_or_path" : "--train_data_dir";
  if (!fs::is_regular_file(path, unknown)) return "";
  if (suffix == ".toml") return describes_datasets(path) ? "--dataset_config" : "--config_file";
  if (suffix == ".json") return "--config_file";
  if (suffix == ".safetensors" || suffix == ".ckpt" || suffix == ".pt") return "--pretrained_model_name_or_path";
  return "";
}

}  // namespace rankine
