#include "cli/misplaced.h"

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "data/dataset_keys.h"
#include "network/adapter.h"
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

std::string place_of_key(const std::string& key) {
  // Arguments of PyTorch's optimizers that people write beside the flags.
  constexpr std::string_view optimizer_args[] = {
      "weight_decay",    "betas",  "eps",      "momentum",        "relative_step",
      "scale_parameter", "d_coef", "d0",       "decouple",        "use_bias_correction",
      "warmup_init",     "beta3",  "nesterov", "safeguard_warmup"};
  const auto in_list = [&](const char* list) {
    return concat_text("; it belongs in ", list, ": ", list, " = [\"", key, "=...\"]");
  };
  for (const AdapterKind* kind : adapters())
    if (std::ranges::count(kind->network_args, key) > 0) return in_list("network_args");
  if (std::ranges::count(optimizer_args, key) > 0) return in_list("optimizer_args");
  for (const DatasetKeyInfo& known : dataset_keys())
    if (known.name == key) return concat_text("; it is a key of a dataset file (--dataset_config): ", known.where);
  return "";
}

}  // namespace rankine
