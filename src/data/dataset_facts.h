#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace rankine {

/// Facts about the data for a LoRA file's metadata (ss_*), in sd-scripts' form. An empty optional is None (null).

/// ss_bucket_info: `buckets` in the order of their keys "0", "1", ...
struct BucketInfo {
  struct Entry {
    Size resolution{};
    int64_t count = 0;  ///< with repeats
  };
  std::vector<Entry> buckets{};
  double mean_img_ar_error = 0;
};

/// One element of `subsets` in ss_datasets.
struct SubsetFacts {
  int64_t img_count = 0;
  int num_repeats = 1;
  bool color_aug = false;
  bool flip_aug = false;
  bool random_crop = false;
  bool shuffle_caption = false;
  int keep_tokens = 0;
  std::string keep_tokens_separator{};
  std::optional<std::string> secondary_separator{};
  bool enable_wildcard = false;
  std::optional<std::string> caption_prefix{};
  std::optional<std::string> caption_suffix{};
  std::optional<std::string> resize_interpolation{};
  std::string image_dir{};                     ///< the folder's name alone; empty if a metadata file has none
  std::optional<std::string> metadata_file{};  ///< its name alone
  std::optional<std::string> class_tokens{};
  bool is_reg = false;
};

/// One element of ss_datasets.
struct DatasetFacts {
  bool is_dreambooth = true;
  int batch_size_per_device = 1;
  int64_t num_train_images = 0;
  int64_t num_reg_images = 0;
  Size resolution{};
  bool enable_bucket = false;
  std::optional<int> min_bucket_reso{};  ///< rounded to the step; none without buckets
  std::optional<int> max_bucket_reso{};
  std::optional<Size> skip_image_resolution{};
  bool bucket_no_upscale = false;  ///< not in ss_datasets; ss_bucket_no_upscale of a run without a dataset file
  std::vector<TagFrequency> tag_frequency{};
  std::optional<BucketInfo> bucket_info{};  ///< none without buckets
  std::optional<std::string> resize_interpolation{};
  std::vector<SubsetFacts> subsets{};
};

/// One member of ss_dataset_dirs or ss_reg_dataset_dirs.
struct FolderFacts {
  std::string name{};
  int n_repeats = 1;
  int64_t img_count = 0;
};

/// All facts together. Without a dataset file (`from_file` false) there is exactly one dataset, and its members are
/// written at the top level instead of in ss_datasets.
struct DataFacts {
  bool from_file = false;
  int64_t num_train_images = 0;
  int64_t num_reg_images = 0;
  int64_t num_batches_per_epoch = 0;
  std::vector<DatasetFacts> datasets{};
  std::vector<TagFrequency> tag_frequency{};    ///< of all datasets; a folder used twice is counted once
  std::vector<FolderFacts> dataset_dirs{};      ///< with a dataset file a repeated name becomes "name (2)"
  std::vector<FolderFacts> reg_dataset_dirs{};  ///< only without a dataset file
};

DataFacts facts_of(const TrainingData& data);

}  // namespace rankine
