#pragma once
#include <optional>
#include <string>
#include <vector>

#include "data/buckets.h"
#include "text/caption.h"

namespace rankine {

/// What holds for a whole dataset: pictures of one resolution and batch size.
struct DatasetOptions {
  std::optional<Size> resolution{};  ///< required, from wherever it comes
  int batch_size = 1;
  bool enable_bucket = false;
  int min_bucket_reso = 256;
  int max_bucket_reso = 1024;
  int bucket_reso_steps = 64;
  bool bucket_no_upscale = false;
};

/// What may differ from folder to folder.
struct SubsetOptions {
  int num_repeats = 1;
  std::string caption_extension = ".caption";
  CaptionSettings caption{};
  bool flip_aug = false;
  bool alpha_mask = false;                            ///< the picture's alpha is a factor on the loss
  std::optional<std::string> class_tokens{};          ///< stands in where a picture has no caption
  std::optional<std::string> resize_interpolation{};  ///< checked; absent: area down, lanczos up
};

/// What the command line says; every level of a dataset file goes before it.
struct DataDefaults {
  DatasetOptions dataset{};
  SubsetOptions subset{};
};

/// One folder of pictures.
struct SubsetSection {
  std::string image_dir{};  ///< where the folder is
  std::string name{};       ///< the folder's own name, as in ss_dataset_dirs
  bool is_reg = false;
  SubsetOptions options{};
};

/// Pictures that are bucketed together.
struct DatasetSection {
  DatasetOptions options{};
  std::optional<std::string> resize_interpolation{};  ///< as said above the level of subsets; for ss_datasets
  std::vector<SubsetSection> subsets{};

  /// Throws Error when no resolution was given.
  BucketConfig bucket_config() const;
};

/// All that is trained on.
struct DatasetConfig {
  bool from_file = false;  ///< a --dataset_config was read: ss_* metadata then has another form
  std::vector<DatasetSection> datasets{};
};

/// One dataset of the `N_name` subfolders of `train_data_dir` (and of `reg_data_dir` unless it is empty): N repeats,
/// `name` as class words. Throws Error when there is none.
DatasetConfig dataset_from_folders(const std::string& train_data_dir, const std::string& reg_data_dir,
                                   const DataDefaults& defaults);

/// Reads a dataset file (TOML). A subset's key goes before its dataset's, that before [general], that before
/// `defaults`. A relative image_dir counts from the working folder, or else from the file's own. Throws Error with file
/// and line for unknown keys, wrong types and values, and keys that are not supported yet.
DatasetConfig read_dataset_config(const std::string& path, const DataDefaults& defaults);

/// "512" or "512,768" (width, height), as --resolution takes it. Throws Error.
Size resolution_from(const std::string& text);

}  // namespace rankine
