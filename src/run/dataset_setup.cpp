#include "run/dataset_setup.h"

#include <filesystem>

#include "base/error.h"
#include "base/log.h"
#include "data/crop.h"

namespace rankine {
namespace {

/// A folder of masks that was given for all: each folder of pictures has its own in the subfolder of its name, if there
/// is one. Regularisation pictures have none.
void share_masks(const std::string& folder, DatasetConfig& config) {
  for (DatasetSection& dataset : config.datasets)
    for (SubsetSection& subset : dataset.subsets) {
      std::optional<std::string>& masks = subset.options.conditioning_data_dir;
      if (masks != folder) continue;
      const std::filesystem::path own = std::filesystem::path(folder) / subset.name;
      std::error_code unknown;
      if (std::filesystem::is_directory(own, unknown)) masks = own.string();
      if (subset.is_reg) masks.reset();
    }
}

DatasetConfig read_datasets(const DataConfig& c, const DataDefaults& defaults) {
  const std::string folder = c.train_data_dir.value_or("");
  if (c.dataset_config) return read_dataset_config(*c.dataset_config, defaults);
  if (c.in_json) return dataset_from_metadata(*c.in_json, folder, defaults);
  return dataset_from_folders(folder, c.reg_data_dir.value_or(""), defaults);
}

void check_subset(const TrainConfig& config, const DatasetSection& dataset, const SubsetSection& subset) {
  const SubsetOptions& options = subset.options;
  check(config.loss.masked_loss || !options.conditioning_data_dir, subset.path(),
        ": conditioning_data_dir names masks, which only --masked_loss reads: give it, or leave the key out");
  for (const auto& [name, given] : {std::pair{"random_crop", options.random_crop}, {"color_aug", options.color_aug}})
    check(!config.data.cache_latents || !given, subset.path(), ": ", name,
          " makes another picture at every draw, so latents cannot be cached: leave out --cache_latents or ", name);
  check(!config.data.cache_latents || !crop_varies(dataset.options, options), subset.path(),
        ": face_crop_aug_range makes another picture at every draw, so latents cannot be cached: leave out "
        "--cache_latents or face_crop_aug_range");
}

}  // namespace

DatasetConfig dataset_config(const TrainConfig& config, const LatentSpace& latents) {
  DataDefaults defaults = config.data.defaults;
  defaults.dataset.latents = latents;
  // sd-scripts does not look at the flag without --masked_loss either.
  if (!config.loss.masked_loss) defaults.subset.conditioning_data_dir.reset();
  DatasetConfig datasets = read_datasets(config.data, defaults);
  if (defaults.subset.conditioning_data_dir) share_masks(*defaults.subset.conditioning_data_dir, datasets);
  for (const DatasetSection& dataset : datasets.datasets)
    for (const SubsetSection& subset : dataset.subsets) check_subset(config, dataset, subset);
  datasets.check = {.skip_broken_images = config.data.skip_broken_images,
                    .apply_exif_orientation = config.data.exif_orientation == "apply",
                    .max_token_length = config.model.max_token_length.value_or(TokenChunks::text_length),
                    .weighted_captions = config.model.weighted_captions};
  return datasets;
}

bool uses_masks(const TrainConfig& config, const DatasetConfig& datasets) {
  bool uses = false;
  for (const DatasetSection& dataset : datasets.datasets)
    for (const SubsetSection& subset : dataset.subsets)
      uses = uses || subset.options.alpha_mask || subset.options.conditioning_data_dir;
  check(uses || !config.loss.masked_loss,
        "--masked_loss: no folder has masks; give --alpha_mask or --conditioning_data_dir, or alpha_mask = true or "
        "conditioning_data_dir in the --dataset_config");
  return uses;
}

DatasetConfig training_datasets(const TrainConfig& config, const LatentSpace& latents) {
  const DataConfig& c = config.data;
  if (c.defaults.subset.conditioning_data_dir && !config.loss.masked_loss)
    log::warning("--conditioning_data_dir has no effect without --masked_loss");
  if (c.dataset_config && (c.train_data_dir || c.reg_data_dir || c.in_json))
    log::warning("--train_data_dir, --reg_data_dir and --in_json have no effect with --dataset_config");
  DatasetConfig datasets = dataset_config(config, latents);
  for (const DatasetSection& dataset : datasets.datasets)
    for (const SubsetSection& subset : dataset.subsets)
      if (subset.options.face_crop_aug_range && dataset.options.enable_bucket)
        log::warning(subset.path(), ": face_crop_aug_range has no effect with buckets");
  return datasets;
}

TrainingData load_training_data(const TrainConfig& config, const LatentSpace& latents) {
  return load_dataset(training_datasets(config, latents));
}

}  // namespace rankine
