#include "run/run_identity.h"

#include <algorithm>
#include <filesystem>

#include "io/file_hash.h"
#include "io/python_text.h"
#include "io/sha256.h"
#include "network/metadata.h"
#include "run/training_facts.h"
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

/// What ss_* metadata do not tell of a folder's options.
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

/// Everything of the pictures but their pixels, of which only the files' sizes count: reading them takes too long.
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

template <class T>
std::string text_or_none(const std::optional<T>& value) {
  return value ? python_text(*value) : "None";
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

/// Tells a file apart from others without reading all of it; the path where it is a folder.
std::string file_text(const std::string& path) {
  std::error_code folder;
  const auto bytes = std::filesystem::file_size(path, folder);
  return folder ? path : concat_text(window_hash_of_file(path), " of ", bytes, " bytes");
}

}  // namespace

RunSettings run_settings(const TrainConfig& c, const TrainingData& data, const RunLength& length,
                         const StepSettings& step, const std::string& optimizer) {
  TrainingFacts facts = training_facts(c, step.model->family(), data, length, 0, optimizer);
  facts.no_metadata = false;
  const std::map<std::string, std::string> of_data = std::exchange(facts.data, {});
  // The file's metadata tell every setting of the run, and a few things that change no number.
  static constexpr std::string_view no_settings[] = {"session_id",
                                                     "training_started_at",
                                                     "training_finished_at",
                                                     "output_name",
                                                     "training_comment",
                                                     "sd_model_name",
                                                     "sd_model_hash",
                                                     "new_sd_model_hash",
                                                     "vae_name",
                                                     "steps",
                                                     "epoch",
                                                     "gradient_checkpointing",
                                                     "lowram",
                                                     "seed",
                                                     "num_epochs",
                                                     "sd_scripts_commit_hash",
                                                     "num_validation_images",
                                                     "max_validation_steps",
                                                     "validate_every_n_epochs",
                                                     "validate_every_n_steps"};
  RunSettings settings;
  for (const auto& [key, value] : adapter_metadata(facts, {})) {
    if (!key.starts_with("ss_")) continue;
    const std::string name = key.substr(3);
    if (std::ranges::find(no_settings, name) == std::end(no_settings)) settings[name] = value;
  }
  settings["base model"] = file_text(c.model.pretrained_model_name_or_path.value_or(""));
  if (const std::string vae = c.model.vae.value_or(""); !vae.empty()) settings["vae"] = file_text(vae);
  settings["network"] = network_text(step);
  settings["optimizer kind"] = optimizer.substr(0, optimizer.find('('));
  settings["dataset"] = data_text(data, of_data);
  settings["base_weights"] = base_weights_text(c.network);
  settings["network_weights"] = c.network.network_weights.value_or("None");
  if (c.run.seed) settings["seed"] = std::to_string(*c.run.seed);
  settings["no_half_vae"] = python_text(c.step.no_half_vae);

  const LrScheduleConfig& lr = c.optim.lr_schedule;
  settings["lr_decay_steps"] = concat_text(lr.lr_decay_steps.value, lr.lr_decay_steps.is_share ? " of all" : "");
  settings["lr_scheduler_num_cycles"] = python_text(lr.lr_scheduler_num_cycles);
  settings["lr_scheduler_power"] = python_text(lr.lr_scheduler_power);
  settings["lr_scheduler_timescale"] = text_or_none(lr.lr_scheduler_timescale);
  settings["lr_scheduler_min_lr_ratio"] = text_or_none(lr.lr_scheduler_min_lr_ratio);
  std::string schedule_args = lr.step_rules;
  for (const std::string& one : lr.lr_scheduler_args) schedule_args += (schedule_args.empty() ? "" : " ") + one;
  settings["lr_scheduler_args"] = schedule_args.empty() ? "None" : schedule_args;

  const SaveConfig& s = c.save;
  settings["resume"] = s.resume ? std::filesystem::absolute(*s.resume).lexically_normal().string() : "None";
  settings["initial_step"] = text_or_none(s.initial_step);
  settings["initial_epoch"] = text_or_none(s.initial_epoch);
  settings.insert(c.given_flags.begin(), c.given_flags.end());  // what is there already is no news
  return settings;
}

std::vector<std::string> differences(const RunSettings& there, const RunSettings& here) {
  return differences_in(there, here, false);
}

std::vector<std::string> lasting_differences(const RunSettings& there, const RunSettings& here) {
  return differences_in(there, here, true);
}

}  // namespace rankine
