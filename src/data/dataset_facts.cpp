#include "data/dataset_facts.h"

#include <algorithm>

#include "base/error.h"

namespace rankine {
namespace {

std::optional<std::string> text_or_none(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

SubsetFacts facts_of(const SubsetSection& subset, int64_t image_count) {
  const SubsetOptions& options = subset.options;
  SubsetFacts facts;
  facts.img_count = image_count;
  facts.num_repeats = options.num_repeats;
  facts.flip_aug = options.flip_aug;
  facts.shuffle_caption = options.caption.shuffle;
  facts.keep_tokens = options.caption.keep_tokens;
  facts.keep_tokens_separator = options.caption.keep_tokens_separator;
  facts.secondary_separator = text_or_none(options.caption.secondary_separator);
  facts.enable_wildcard = options.caption.enable_wildcard;
  facts.caption_prefix = text_or_none(options.caption.prefix);
  facts.caption_suffix = text_or_none(options.caption.suffix);
  facts.resize_interpolation = options.resize_interpolation;
  facts.color_aug = options.color_aug;
  facts.random_crop = options.random_crop;
  facts.image_dir = subset.name;
  if (subset.from_metadata()) {
    facts.image_dir = subset.image_dir.empty() ? "" : folder_name(subset.image_dir);
    facts.metadata_file = subset.name;
  }
  facts.class_tokens = options.class_tokens;
  facts.is_reg = subset.is_reg;
  return facts;
}

DatasetFacts facts_of(const Dataset& dataset) {
  const DatasetOptions& options = dataset.section.options;
  DatasetFacts facts;
  facts.is_dreambooth = std::ranges::none_of(dataset.section.subsets, &SubsetSection::from_metadata);
  facts.batch_size_per_device = options.batch_size;
  facts.num_train_images = dataset.train_images;
  facts.num_reg_images = dataset.reg_images;
  facts.resolution = dataset.bucket_config.resolution;
  facts.skip_image_resolution = options.skip_image_resolution;
  facts.enable_bucket = options.enable_bucket;
  facts.tag_frequency = dataset.tags;
  facts.resize_interpolation = dataset.section.resize_interpolation;
  if (options.enable_bucket) {
    facts.min_bucket_reso = dataset.bucket_config.min_bucket_reso;
    facts.max_bucket_reso = dataset.bucket_config.max_bucket_reso;
    facts.bucket_no_upscale = options.bucket_no_upscale;
    BucketInfo info;
    for (const Bucket& bucket : dataset.buckets) info.buckets.push_back({bucket.size, bucket.count});
    info.mean_img_ar_error = dataset.mean_img_ar_error;
    facts.bucket_info = std::move(info);
  }
  for (size_t i = 0; i < dataset.section.subsets.size(); ++i)
    facts.subsets.push_back(facts_of(dataset.section.subsets[i], dataset.image_counts[i]));
  return facts;
}

/// Adds a folder. A repeated name becomes "name (2)", "name (3)", ... or, with `replace`, overwrites the first.
void add_folder(std::vector<FolderFacts>& folders, const SubsetFacts& subset, bool replace) {
  const std::string& first_name = subset.metadata_file ? *subset.metadata_file : subset.image_dir;
  std::string name = first_name;
  auto taken = [&] { return std::ranges::find(folders, name, &FolderFacts::name); };
  if (replace && taken() != folders.end()) {
    *taken() = {name, subset.num_repeats, subset.img_count};
    return;
  }
  for (int i = 2; taken() != folders.end(); ++i) name = concat_text(first_name, " (", i, ")");
  folders.push_back({name, subset.num_repeats, subset.img_count});
}

}  // namespace

DataFacts facts_of(const TrainingData& data) {
  DataFacts facts;
  facts.from_file = data.from_file;
  facts.num_train_images = data.train_images();
  facts.num_reg_images = data.reg_images();
  facts.num_batches_per_epoch = data.batches_per_epoch();
  for (const Dataset& dataset : data.datasets) {
    facts.datasets.push_back(facts_of(dataset));
    for (const TagFrequency& tags : dataset.tags)
      if (std::ranges::find(facts.tag_frequency, tags.folder, &TagFrequency::folder) == facts.tag_frequency.end())
        facts.tag_frequency.push_back(tags);
    for (const SubsetFacts& subset : facts.datasets.back().subsets) {
      if (!subset.is_reg)
        add_folder(facts.dataset_dirs, subset, !data.from_file);
      else if (!data.from_file)
        add_folder(facts.reg_dataset_dirs, subset, true);
    }
  }
  return facts;
}

}  // namespace rankine
