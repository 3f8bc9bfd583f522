#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset_config.h"
#include "data/findings.h"
#include "data/tag_frequency.h"

namespace rankine {

/// One picture as it is trained on.
struct Sample {
  std::string path{};
  std::string caption{};    ///< as read, before prefix, shuffling and the rest
  std::string mask_path{};  ///< picture whose red is a factor on the loss; empty: none
  int repeats = 1;          ///< how often it is drawn in an epoch
  Size size{};              ///< of the file, in pixels, turned as `orientation` says
  int orientation = 1;      ///< EXIF's, that the file's pixels are turned by; 1: as they are stored
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

/// A dataset after its files were looked at. Folders that were left out are gone from `section.subsets`.
struct Dataset {
  DatasetSection section{};
  BucketConfig bucket_config{};         ///< with min and max rounded
  std::vector<Bucket> buckets{};        ///< none is empty; sorted by width, then height
  std::vector<int64_t> image_counts{};  ///< files in each subset
  std::vector<TagFrequency> tags{};     ///< one a folder name
  int64_t train_images = 0;             ///< with repeats
  int64_t reg_images = 0;               ///< with the repeats that were asked for, before they are stretched
  int64_t batches = 0;                  ///< in an epoch
  double mean_img_ar_error = 0;         ///< mean of |ar_error| over the samples
};

/// All pictures and how they are grouped.
struct TrainingData {
  bool from_file = false;  ///< see DatasetConfig
  std::vector<Sample> samples{};
  std::vector<Dataset> datasets{};
  std::vector<std::string> warnings{};  ///< said to the user already
  /// What validation_split holds out, each picture once; null when nothing is. Its pictures are in no batch.
  std::shared_ptr<const TrainingData> validation{};

  const Dataset& dataset_of(const Sample& sample) const { return datasets[sample.dataset]; }
  const SubsetSection& subset_of(const Sample& sample) const {
    return dataset_of(sample).section.subsets[sample.subset];
  }
  /// Whether the loss of a sample is weighed pixel by pixel.
  bool has_mask(const Sample& sample) const {
    return !sample.mask_path.empty() || subset_of(sample).options.alpha_mask;
  }
  int64_t train_images() const;
  int64_t reg_images() const;
  int64_t batches_per_epoch() const;
};

/// Looks at every file once, on `threads` threads (0: one a core): finds the pictures, reads the captions, assigns
/// buckets, and adds all that it finds wrong or worth knowing to `findings`. Pictures with errors are in no bucket.
/// Regularisation pictures are repeated until they are as many as the training pictures, as sd-scripts does.
TrainingData look_at_dataset(const DatasetConfig& config, Findings& findings, int threads = 0);

/// The same for training: says warnings and notes to the log, and throws one Error with all errors, each with file and
/// reason.
TrainingData load_dataset(const DatasetConfig& config, int threads = 0);

}  // namespace rankine
