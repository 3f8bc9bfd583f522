#include "data/dataset_metadata.h"

#include "base/error.h"
#include "io/python_text.h"

namespace rankine {
namespace {

/// "(512, 512)", as Python writes a tuple.
std::string tuple_of(Size size) { return concat_text("(", size.width, ", ", size.height, ")"); }

std::string json_of(Size size) { return json_array({json_text(size.width), json_text(size.height)}); }

std::string json_of(const std::vector<TagFrequency>& folders) {
  std::vector<std::pair<std::string, std::string>> members;
  for (const TagFrequency& folder : folders) {
    std::vector<std::pair<std::string, std::string>> tags;
    for (const auto& [tag, count] : folder.tags) tags.emplace_back(tag, json_text(count));
    members.emplace_back(folder.folder, json_object(tags));
  }
  return json_object(members);
}

std::string json_of(const std::optional<BucketInfo>& info) {
  if (!info) return "null";
  std::vector<std::pair<std::string, std::string>> buckets;
  for (const BucketInfo::Entry& bucket : info->buckets) {
    buckets.emplace_back(std::to_string(buckets.size()),
                         json_object({{"resolution", json_of(bucket.resolution)}, {"count", json_text(bucket.count)}}));
  }
  return json_object({{"buckets", json_object(buckets)}, {"mean_img_ar_error", json_text(info->mean_img_ar_error)}});
}

std::string json_of(const std::vector<FolderFacts>& folders) {
  std::vector<std::pair<std::string, std::string>> members;
  for (const FolderFacts& folder : folders) {
    members.emplace_back(folder.name, json_object({{"n_repeats", json_text(folder.n_repeats)},
                                                   {"img_count", json_text(folder.img_count)}}));
  }
  return json_object(members);
}

std::string json_of(const SubsetFacts& s, bool is_dreambooth) {
  std::vector<std::pair<std::string, std::string>> members = {
      {"img_count", json_text(s.img_count)},
      {"num_repeats", json_text(s.num_repeats)},
      {"color_aug", json_text(s.color_aug)},
      {"flip_aug", json_text(s.flip_aug)},
      {"random_crop", json_text(s.random_crop)},
      {"shuffle_caption", json_text(s.shuffle_caption)},
      {"keep_tokens", json_text(s.keep_tokens)},
      {"keep_tokens_separator", json_text(s.keep_tokens_separator)},
      {"secondary_separator", json_text(s.secondary_separator)},
      {"enable_wildcard", json_text(s.enable_wildcard)},
      {"caption_prefix", json_text(s.caption_prefix)},
      {"caption_suffix", json_text(s.caption_suffix)},
      {"resize_interpolation", json_text(s.resize_interpolation)},
  };
  if (!s.image_dir.empty() || is_dreambooth) members.emplace_back("image_dir", json_text(s.image_dir));
  if (s.metadata_file) members.emplace_back("metadata_file", json_text(*s.metadata_file));
  if (is_dreambooth) {
    members.emplace_back("class_tokens", json_text(s.class_tokens));
    members.emplace_back("is_reg", json_text(s.is_reg));
  }
  return json_object(members);
}

std::string json_of(const DatasetFacts& d) {
  std::vector<std::string> subsets;
  for (const SubsetFacts& subset : d.subsets) subsets.push_back(json_of(subset, d.is_dreambooth));
  std::vector<std::pair<std::string, std::string>> members = {
      {"is_dreambooth", json_text(d.is_dreambooth)},
      {"batch_size_per_device", json_text(d.batch_size_per_device)},
      {"num_train_images", json_text(d.num_train_images)},
      {"num_reg_images", json_text(d.num_reg_images)},
      {"resolution", json_of(d.resolution)},
      {"enable_bucket", json_text(d.enable_bucket)},
      {"min_bucket_reso", json_text(d.min_bucket_reso)},
      {"max_bucket_reso", json_text(d.max_bucket_reso)},
  };
  // Versions of sd-scripts without the option have no such key, and others write null.
  if (d.skip_image_resolution) members.emplace_back("skip_image_resolution", json_of(*d.skip_image_resolution));
  members.insert(members.end(), {{"tag_frequency", json_of(d.tag_frequency)},
                                 {"bucket_info", json_of(d.bucket_info)},
                                 {"resize_interpolation", json_text(d.resize_interpolation)},
                                 {"subsets", json_array(subsets)}});
  return json_object(members);
}

}  // namespace

std::map<std::string, std::string> dataset_metadata(const DataFacts& facts, int micro_batches) {
  std::map<std::string, std::string> metadata = {
      {"ss_num_train_images", python_text(facts.num_train_images)},
      {"ss_num_reg_images", python_text(facts.num_reg_images)},
      {"ss_num_batches_per_epoch", python_text(facts.num_batches_per_epoch)},
      {"ss_tag_frequency", json_of(facts.tag_frequency)},
      {"ss_dataset_dirs", json_of(facts.dataset_dirs)},
  };
  if (facts.from_file) {
    std::vector<std::string> datasets;
    for (const DatasetFacts& dataset : facts.datasets) datasets.push_back(json_of(dataset));
    metadata["ss_datasets"] = json_array(datasets);
    return metadata;
  }
  check(facts.datasets.size() == 1 && !facts.datasets[0].subsets.empty(),
        "metadata: a run without a dataset file has one dataset with folders, but here are ", facts.datasets.size());
  const DatasetFacts& dataset = facts.datasets[0];
  const SubsetFacts& options = dataset.subsets[0];  // all folders share the options of the command line
  metadata.insert({
      {"ss_batch_size_per_device", python_text(dataset.batch_size_per_device)},
      {"ss_total_batch_size", python_text(dataset.batch_size_per_device * micro_batches)},
      {"ss_resolution", tuple_of(dataset.resolution)},
      {"ss_color_aug", python_text(options.color_aug)},
      {"ss_flip_aug", python_text(options.flip_aug)},
      {"ss_random_crop", python_text(options.random_crop)},
      {"ss_shuffle_caption", python_text(options.shuffle_caption)},
      {"ss_enable_bucket", python_text(dataset.enable_bucket)},
      {"ss_bucket_no_upscale", python_text(dataset.bucket_no_upscale)},
      {"ss_min_bucket_reso", python_text(dataset.min_bucket_reso)},
      {"ss_max_bucket_reso", python_text(dataset.max_bucket_reso)},
      {"ss_keep_tokens", python_text(options.keep_tokens)},
      {"ss_reg_dataset_dirs", json_of(facts.reg_dataset_dirs)},
      {"ss_bucket_info", json_of(dataset.bucket_info)},
  });
  if (const std::optional<Size>& size = dataset.skip_image_resolution)
    metadata["ss_skip_image_resolution"] = tuple_of(*size);
  return metadata;
}

}  // namespace rankine
