#include "run/run_identity.h"

#include <algorithm>
#include <filesystem>

#include "data/dataset_facts.h"
#include "data/dataset_metadata.h"
#include "io/file_hash.h"
#include "io/python_text.h"
#include "io/sha256.h"
#include "network/adapter.h"
#include "step/merged_constants.h"

namespace rankine {
namespace {

constexpr std::string_view kLasting[] = {"base model", "network", "optimizer kind"};

std::string digest(std::string_view text) { return sha256_hex(std::as_bytes(std::span(text))).substr(0, 12); }

/// The weights that are adapted, each with its shape.
std::string network_text(const StepSettings& step) {
  std::string all;
  int64_t parameters = 0;
  for (const AdaptedLayer& layer : step.layers) {
    all += layer.key;
    for (const AdapterTensor& tensor : step.adapter->tensors(layer)) all += concat_text(as_text(tensor.shape));
    all += concat_text(step.trains(layer), ';');
    parameters += parameter_count(*step.adapter, layer);
  }
  return concat_text(step.layers.size(), " modules of ", parameters, " weights (", digest(all), ")");
}

/// The options of a folder that are not in the ss_* metadata of the data.
std::string options_text(const SubsetOptions& o) {
  const CaptionSettings& c = o.caption;
  const auto face = o.face_crop_aug_range.value_or(std::array<double, 2>{});
  std::string text;
  for (const std::string& part :
       {python_text(o.alpha_mask), python_text(face[0]), python_text(face[1]), python_text(c.dropout_rate),
        python_text(c.dropout_every_n_epochs), python_text(c.tag_dropout_rate), python_text(c.token_warmup_min),
        python_text(c.token_warmup_step), c.separator})
    text += part + '\n';
  return text;
}

/// A digest of everything about the pictures but their pixels: reading those takes too long, so the files' sizes count.
std::string data_text(const TrainingData& data, const std::map<std::string, std::string>& metadata) {
  std::string all;
  const auto bytes_of = [](const std::string& path) -> uintmax_t {
    std::error_code gone;
    const auto bytes = std::filesystem::file_size(path, gone);
    return gone ? 0 : bytes;
  };
  for (const Dataset& dataset : data.datasets)
    for (const SubsetSection& subset : dataset.section.subsets) all += options_text(subset.options);
  for (const Sample& s : data.samples) {
    const Size bucket = data.dataset_of(s).buckets[static_cast<size_t>(s.bucket)].size;
    const char end = '\n';
    all += concat_text(std::filesystem::path(s.path).filename().string(), end, s.caption, end, s.repeats, end,
                       bytes_of(s.path), end, bucket.width, 'x', bucket.height, end, s.is_reg, end);
    if (!s.mask_path.empty())
      all += concat_text(std::filesystem::path(s.mask_path).filename().string(), end, bytes_of(s.mask_path), end);
  }
  for (const auto& [key, value] : metadata) all += key + "=" + value + "\n";
  return concat_text(data.samples.size(), " pictures in ", data.batches_per_epoch(), " batches (", digest(all), ")");
}

std::vector<std::string> differences_in(const RunSettings& there, const RunSettings& here, bool only_lasting) {
  RunSettings keys = there;
  keys.insert(here.begin(), here.end());
  std::vector<std::string> found;
  for (const auto& [key, unused] : keys) {
    if (only_lasting && std::ranges::find(kLasting, key) == std::end(kLasting)) continue;
    const auto a = there.find(key), b = here.find(key);
    const std::string then = a == there.end() ? "not given" : a->second,
                      now = b == here.end() ? "not given" : b->second;
    if (then != now) found.push_back(concat_text(key, ": ", then, " there, ", now, " here"));
  }
  return found;
}

/// A file's size and the hash of a part of it, which take no time to read; a folder's path.
std::string file_text(const std::string& path) {
  std::error_code folder;
  const auto bytes = std::filesystem::file_size(path, folder);
  return folder ? path : concat_text(window_hash_of_file(path), " of ", bytes, " bytes");
}

}  // namespace

RunSettings run_settings(const TrainConfig& c, const TrainingData& data, const RunLength& length,
                         const StepSettings& step, const std::string& optimizer) {
  RunSettings settings = c.given_flags;
  settings["max_train_steps"] = std::to_string(length.steps);  // also where --max_train_epochs was given
  // An unset --network_module means LoRA.
  if (&find_adapter(c.network.network_module.value_or("")) == &find_adapter("")) settings.erase("network_module");
  settings["base model"] = file_text(c.model.pretrained_model_name_or_path.value_or(""));
  if (const std::string vae = c.model.vae.value_or(""); !vae.empty()) settings["vae"] = file_text(vae);
  settings["network"] = network_text(step);
  settings["optimizer kind"] = optimizer.substr(0, optimizer.find('('));
  settings["dataset"] = data_text(data, dataset_metadata(facts_of(data), c.run.gradient_accumulation_steps));
  if (!c.network.base_weights.empty()) settings["base_weights"] = base_weights_text(c.network);
  if (c.run.seed) settings["seed"] = std::to_string(*c.run.seed);
  if (c.save.resume) settings["resume"] = std::filesystem::absolute(*c.save.resume).lexically_normal().string();
  return settings;
}

std::vector<std::string> differences(const RunSettings& there, const RunSettings& here) {
  return differences_in(there, here, false);
}

std::vector<std::string> lasting_differences(const RunSettings& there, const RunSettings& here) {
  return differences_in(there, here, true);
}

}  // namespace rankine
