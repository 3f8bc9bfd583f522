#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset_config.h"
#include "data/findings.h"
#include "data/tag_frequency.h"

namespace rankine {

/// A picture of the training data.
struct Sample {
  std::string path{};
  std::string caption{};    ///< as read, before prefix, shuffling and other changes
  std::string mask_path{};  ///< a picture whose red channel weighs the loss; empty: none
  int repeats = 1;          ///< uses per epoch
  Size size{};              ///< of the file, in pixels, after turning by `orientation`
  int orientation = 1;      ///< EXIF's; the file's pixels are turned by it; 1: not turned
  BucketChoice place{};     ///< bucket and size before the crop; the latent is an eighth of the bucket
  bool is_reg = false;
  int dataset = 0;  ///< index into TrainingData::datasets
  int subset = 0;   ///< index into that dataset's section.subsets
  int bucket = 0;   ///< index into that dataset's buckets
};

/// Pictures of one shape. `samples` are indices into TrainingData::samples, each once.
struct Bucket {
  Size size{};
  std::vector<int> samples{};
  int64_t count = 0;    ///< with repeats
  int64_t batches = 0;  ///< ceil(count / batch size)
};

/// A dataset after its files were checked. `section.subsets` lacks folders that were left out.
struct Dataset {
  DatasetSection section{};
  BucketConfig bucket_config{};         ///< with min and max rounded
  std::vector<Bucket> buckets{};        ///< none is empty; sorted by width, then height
  std::vector<int64_t> image_counts{};  ///< files in each subset
  std::vector<TagFrequency> tags{};     ///< one per folder name
  int64_t train_images = 0;             ///< with repeats
  int64_t reg_images = 0;               ///< with the repeats of the settings, before stretching
  int64_t batches = 0;                  ///< per epoch
  double mean_img_ar_error = 0;         ///< mean of |ar_error| over the samples
};

/// All pictures and their groups.
struct TrainingData {
  bool from_file = false;  ///< see DatasetConfig
  LatentSpace latents{};   ///< of the model that trains
  std::vector<Sample> samples{};
  std::vector<Dataset> datasets{};
  std::vector<std::string> warnings{};  ///< already logged
  /// The pictures that validation_split holds out, each once; null if there are none. No batch contains them.
  std::shared_ptr<const TrainingData> validation{};

  const Dataset& dataset_of(const Sample& sample) const { return datasets[sample.dataset]; }
  const SubsetSection& subset_of(const Sample& sample) const {
    return dataset_of(sample).section.subsets[sample.subset];
  }
  /// True if a mask weighs the sample's loss per pixel.
  bool has_mask(const Sample& sample) const {
    return !sample.mask_path.empty() || subset_of(sample).options.alpha_mask;
  }
  int64_t train_images() const;
  int64_t reg_images() const;
  int64_t batches_per_epoch() const;
};

/// Checks every file once, on `threads` threads (0: one per core): finds the pictures, reads the captions, assigns
/// buckets, and adds all faults and hints to `findings`. Pictures with errors get no bucket. Regularisation pictures
/// are repeated to the number of training pictures, as in sd-scripts.
TrainingData look_at_dataset(const DatasetConfig& config, Findings& findings, int threads = 0);

/// The same for training: logs warnings and notes, and throws one Error with all errors, each with file and
/// reason.
TrainingData load_dataset(const DatasetConfig& config, int threads = 0);

}  // namespace rankine
