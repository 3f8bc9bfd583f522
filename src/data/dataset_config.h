#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/buckets.h"
#include "data/check_config.h"
#include "data/findings.h"
#include "text/caption.h"

namespace rankine {

/// Options of a whole dataset: pictures of one resolution and batch size.
struct DatasetOptions {
  std::optional<Size> resolution{};  ///< required, from any level
  int batch_size = 1;
  bool enable_bucket = false;
  int min_bucket_reso = 256;
  int max_bucket_reso = 1024;
  int bucket_reso_steps = 64;
  bool bucket_no_upscale = false;
  std::optional<Size> skip_image_resolution{};  ///< pictures with at most as many pixels are left out
  double validation_split = 0;                  ///< share of pictures that are held out, 0 to 1
  std::optional<int64_t> validation_seed{};     ///< seed of that choice; unset: 0
  LatentSpace latents{};                        ///< of the model that trains; no key of the file
};

/// Options that may differ from folder to folder.
struct SubsetOptions {
  int num_repeats = 1;
  std::string caption_extension = ".caption";
  CaptionSettings caption{};
  bool flip_aug = false;
  bool color_aug = false;
  bool random_crop = false;
  /// Zoom of crops around a face: the face's size is between 1 / second and 1 / first of the training size.
  std::optional<std::array<double, 2>> face_crop_aug_range{};
  bool alpha_mask = false;                             ///< the picture's alpha weighs the loss
  std::optional<std::string> conditioning_data_dir{};  ///< folder of mask pictures, whose red channel weighs the loss
  std::optional<std::string> class_tokens{};           ///< the caption of pictures without one
  std::optional<std::string> resize_interpolation{};   ///< checked; absent: area to shrink, lanczos to enlarge
};

/// Values from the command line; every level of a dataset file overrides them.
struct DataDefaults {
  DatasetOptions dataset{};
  SubsetOptions subset{};
};

/// A folder of pictures, or the pictures that a metadata file names.
struct SubsetSection {
  std::string image_dir{};      ///< the folder; with a metadata_file it may be empty
  std::string metadata_file{};  ///< empty: the captions lie beside the pictures
  std::string name{};           ///< the folder's or metadata file's own name, for ss_dataset_dirs
  bool is_reg = false;
  SubsetOptions options{};

  bool from_metadata() const { return !metadata_file.empty(); }
  /// The folder or the metadata file, for messages.
  const std::string& path() const { return from_metadata() ? metadata_file : image_dir; }
};

/// Pictures that are bucketed together.
struct DatasetSection {
  DatasetOptions options{};
  std::optional<std::string> resize_interpolation{};  ///< the value above the level of subsets, for ss_datasets
  std::vector<SubsetSection> subsets{};

  /// Throws Error if no resolution was given.
  BucketConfig bucket_config() const;
};

/// All training data.
struct DatasetConfig {
  bool from_file = false;  ///< a --dataset_config was read: ss_* metadata then has another form
  std::vector<DatasetSection> datasets{};
  CheckConfig check{};              ///< set by the caller; not a key of the file
  std::vector<Finding> left_out{};  ///< folders of --train_data_dir that are no subset, with the reason
};

/// One dataset from the `N_name` subfolders of `train_data_dir` (and of `reg_data_dir` unless it is empty): N repeats,
/// `name` as class words. Throws Error if there is none, and says which folder was perhaps meant.
DatasetConfig dataset_from_folders(const std::string& train_data_dir, const std::string& reg_data_dir,
                                   const DataDefaults& defaults);

/// One dataset from the pictures that the metadata file `in_json` names. Relative names are under `train_data_dir`,
/// which may be empty.
DatasetConfig dataset_from_metadata(const std::string& in_json, const std::string& train_data_dir,
                                    const DataDefaults& defaults);

/// Reads a dataset file (TOML, or JSON of the same structure). A subset's key overrides its dataset's, which overrides
/// [general], which overrides `defaults`. A relative image_dir counts from the working folder, or else from the file's
/// folder. Throws Error with file and line for unknown keys, wrong types and values, and keys that are not supported.
DatasetConfig read_dataset_config(const std::string& path, const DataDefaults& defaults);

/// The last name in a path, also if the path ends with a slash.
std::string folder_name(const std::string& path);

/// Returns a face_crop_aug_range. Throws Error unless 0 < nearest <= farthest.
std::array<double, 2> face_crop_range(double nearest, double farthest);
/// Parses "2,4", the form of --face_crop_aug_range. Throws Error for anything else.
std::array<double, 2> face_crop_range_from(const std::string& text);

/// Parses "512" or "512,768" (width, height), the form of --resolution. Throws Error for anything else.
Size resolution_from(const std::string& text);

}  // namespace rankine
