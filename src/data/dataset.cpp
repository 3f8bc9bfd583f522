#include "data/dataset.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <numeric>
#include <set>
#include <span>

#include "base/error.h"
#include "base/log.h"
#include "base/timer.h"
#include "data/caption_check.h"
#include "data/image_folder.h"
#include "data/metadata_file.h"
#include "data/picture_check.h"
#include "data/python_shuffle.h"
#include "data/unused_files.h"

namespace rankine {
namespace {

namespace fs = std::filesystem;

/// A picture with more pixels before the crop is so narrow that nearly all of it would be cut away.
constexpr int64_t kMostResizedPixels = int64_t{1} << 28;

/// A picture before it is known whether it is held out.
struct Picture {
  Sample sample{};
  std::string tagged{};  ///< the text for ss_tag_frequency: the caption, or tags alone
};

/// Checks the pictures of all datasets.
struct Scan {
  TokenLimit limit;
  PictureCheck looks;
  UsedFolders used;
  Findings& findings;
};

/// The pictures of a folder or metadata file, some of which may be unusable.
struct FoundPictures {
  std::vector<Picture> usable{};
  int64_t found = 0;      ///< with those that cannot be trained on
  bool has_more = false;  ///< folders in the folder hold pictures
};

FoundPictures find_pictures(const SubsetSection& subset, Scan& scan) {
  Findings& findings = scan.findings;
  FoundPictures pictures;
  if (subset.from_metadata()) {
    const auto fault = [&](const std::string& text) {
      findings.error(subset.metadata_file, text);
      ++pictures.found;
    };
    for (MetadataEntry& entry :
         read_metadata_file(subset.metadata_file, subset.image_dir, subset.options.caption, fault)) {
      ++pictures.found;
      try {
        note_length(entry.path, entry.caption, subset.options.caption, scan.limit, findings);
      } catch (const Error& error) {
        findings.broken(entry.path, error.what());
        continue;
      }
      pictures.usable.push_back(
          {{.path = std::move(entry.path), .caption = std::move(entry.caption)}, std::move(entry.tags)});
    }
    return pictures;
  }
  const FolderContents contents = look_at_folder(subset.image_dir);
  pictures.found = std::ssize(contents.images);
  pictures.has_more = note_unused_files(contents, subset, scan.used, findings);
  const std::vector<std::optional<std::string>> captions = read_captions(subset, contents.images, scan.limit, findings);
  for (size_t i = 0; i < captions.size(); ++i)
    if (captions[i]) pictures.usable.push_back({{.path = contents.images[i], .caption = *captions[i]}, *captions[i]});
  return pictures;
}

/// Assigns each picture the mask picture of the same name, if the folder has masks. A missing one is an error.
void find_masks(const SubsetSection& subset, std::vector<Picture>& pictures, Findings& findings) {
  if (!subset.options.conditioning_data_dir) return;
  const std::string& folder = *subset.options.conditioning_data_dir;
  std::map<std::string, std::string> by_stem;
  for (const std::string& mask : list_images(folder)) by_stem.emplace(fs::path(mask).stem().string(), mask);
  std::set<std::string> used;
  for (Picture& picture : pictures) {
    const std::string stem = fs::path(picture.sample.path).stem().string();
    const auto mask = by_stem.find(stem);
    if (mask == by_stem.end()) {
      findings.error(picture.sample.path, concat_text("no mask has its name in ", folder));
      continue;
    }
    picture.sample.mask_path = mask->second;
    used.insert(stem);
  }
  if (used.size() < by_stem.size())
    findings.warning(folder, "some masks belong to no picture", concat_text(by_stem.size() - used.size(), " masks"));
}

BucketChoice place_of(Size size, const Buckets& buckets) {
  const BucketChoice place = buckets.select(size);
  const auto [width, height] = place.resized;
  check(static_cast<int64_t>(width) * height <= kMostResizedPixels, "a picture of ", size.width, "x", size.height,
        " would be resized to ", width, "x", height, " before the crop: it is too narrow, leave it out");
  return place;
}

/// Checks a picture's files and finds its bucket. Returns false, and adds the fault, if it cannot be trained on.
bool is_sound(Sample& sample, const SubsetOptions& options, const Buckets& buckets, const PictureCheck& looks,
              Findings& findings) {
  const PictureLook& look = looks.look(sample.path);
  if (!look.fault.empty()) {
    findings.broken(sample.path, look.fault);
    return false;
  }
  sample.size = look.size;
  sample.orientation = look.orientation;
  if (!sample.mask_path.empty()) {
    const PictureLook& mask = looks.look(sample.mask_path);
    const Size size{mask.facts.size.width, mask.facts.size.height};
    const std::string fault = !mask.fault.empty() ? mask.fault
                              : size == sample.size
                                  ? ""
                                  : concat_text("the mask is ", size.width, "x", size.height, ", but its picture ",
                                                sample.path, " is ", sample.size.width, "x", sample.size.height);
    if (!fault.empty()) {
      findings.broken(sample.mask_path, fault);
      return false;
    }
  }
  try {
    sample.place = place_of(sample.size, buckets);
  } catch (const Error& error) {
    findings.broken(sample.path, error.what());
    return false;
  }
  looks.note(sample.path, options, findings);
  note_place(sample, options, findings);
  return true;
}

/// Finds the pictures of a folder or metadata file and drops those that cannot be trained on.
FoundPictures sound_pictures(const SubsetSection& subset, const Buckets& buckets, Scan& scan) {
  FoundPictures pictures = find_pictures(subset, scan);
  find_masks(subset, pictures.usable, scan.findings);
  std::vector<std::string> files;
  for (const Picture& picture : pictures.usable) {
    files.push_back(picture.sample.path);
    if (!picture.sample.mask_path.empty()) files.push_back(picture.sample.mask_path);
  }
  scan.looks.look_at(files);
  std::erase_if(pictures.usable, [&](Picture& picture) {
    return !is_sound(picture.sample, subset.options, buckets, scan.looks, scan.findings);
  });
  return pictures;
}

/// Leaves out the pictures that skip_image_resolution excludes, so that they are not enlarged.
void skip_small(std::vector<Picture>& pictures, const SubsetSection& subset, const DatasetOptions& options,
                Findings& findings) {
  if (!options.skip_image_resolution) return;
  const auto [width, height] = *options.skip_image_resolution;
  const auto pixels = [](int w, int h) { return int64_t{w} * h; };
  const auto count = std::erase_if(pictures, [&](const Picture& picture) {
    return pixels(picture.sample.size.width, picture.sample.size.height) <= pixels(width, height);
  });
  if (count > 0)
    findings.note(subset.path(),
                  concat_text("pictures with no more pixels than ", width, "x", height,
                              " are left out (skip_image_resolution)", pictures.empty() ? ": that is all of them" : ""),
                  pictures_text(static_cast<int64_t>(count)));
}

/// Explains why a subset has no usable pictures, unless a finding of each picture has already done that.
void note_no_pictures(const SubsetSection& subset, const FoundPictures& pictures, Findings& findings) {
  if (pictures.found > 0) return;
  if (subset.from_metadata())
    findings.warning(subset.path(), "it names no pictures to train on and is left out");
  else if (pictures.has_more)
    findings.warning(subset.path(),
                     "no pictures to train on in the folder itself, only in folders below it; it is left "
                     "out");
  else
    findings.warning(subset.path(), "no pictures to train on (.png .jpg .jpeg .webp .bmp), the folder is left out");
}

/// Chooses which of `count` pictures are held out, as sd-scripts does with a validation_seed: the last ones of a
/// shuffled list. All pictures that are not trained on are held out, so no picture is both or neither.
std::set<int> held_out(int count, const DatasetOptions& options) {
  const auto trained = static_cast<std::ptrdiff_t>(std::ceil(count * (1 - options.validation_split)));
  const std::vector<int> order = python_shuffle(count, options.validation_seed.value_or(0));
  return {order.begin() + std::min<std::ptrdiff_t>(trained, count), order.end()};
}

/// numpy's mean sums pairwise: the last digits of mean_img_ar_error depend on the order.
double pairwise_sum(std::span<const double> values) {
  if (values.size() < 8) return std::accumulate(values.begin(), values.end(), 0.0);
  if (values.size() <= 128) {
    double r[8];
    std::copy_n(values.begin(), 8, r);
    size_t i = 8;
    for (; i + 8 <= values.size(); i += 8)
      for (size_t k = 0; k < 8; ++k) r[k] += values[i + k];
    double sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
    for (; i < values.size(); ++i) sum += values[i];
    return sum;
  }
  const size_t half = values.size() / 2 / 8 * 8;
  return pairwise_sum(values.first(half)) + pairwise_sum(values.subspan(half));
}

/// Uses regularisation pictures in order until their repeats reach the number of training pictures. If they are too
/// few, further rounds add one repeat, picture by picture. Pictures that are never reached are left out.
void stretch_regularisation(std::vector<Sample>& reg, int64_t train_images) {
  int64_t reached = 0;
  size_t used = 0;
  while (used < reg.size() && reached < train_images) reached += reg[used++].repeats;
  reg.resize(used);
  for (size_t i = 0; reached < train_images && !reg.empty(); i = (i + 1) % reg.size(), ++reached) ++reg[i].repeats;
}

/// Collects samples.
struct Samples {
  std::vector<Sample> trained{}, held_out{};
};

/// Finds one dataset's pictures and captions. Appends its samples, training pictures first.
Dataset scan_dataset(const DatasetSection& section, int index, Scan& scan, Samples& samples) {
  Findings& findings = scan.findings;
  const int64_t errors_before = findings.count(Severity::error);
  Dataset dataset;
  dataset.section = section;
  dataset.section.subsets.clear();
  const Buckets buckets(section.bucket_config());
  dataset.bucket_config = buckets.config();
  std::vector<Sample> reg;
  std::vector<TagCounter> tags;
  std::set<fs::path> seen;
  for (const SubsetSection& subset : section.subsets) {
    const std::string& path = subset.path();
    if (subset.options.num_repeats < 1) {
      findings.warning(path, concat_text("num_repeats is ", subset.options.num_repeats, ", the folder is left out"));
      continue;
    }
    std::error_code not_there;
    if (!seen.insert(fs::weakly_canonical(path, not_there)).second) {
      findings.warning(path, "the folder is named twice in a dataset, the first counts");
      continue;
    }
    FoundPictures found;
    try {
      found = sound_pictures(subset, buckets, scan);
    } catch (const Error& error) {
      findings.error(path, error.what());
      continue;
    }
    std::vector<Picture>& pictures = found.usable;
    skip_small(pictures, subset, section.options, findings);
    if (pictures.empty()) {
      note_no_pictures(subset, found, findings);
      continue;
    }
    const int count = static_cast<int>(pictures.size());
    const bool is_split = section.options.validation_split > 0 && !subset.is_reg;
    std::set<int> held;
    if (is_split && !subset.from_metadata()) held = held_out(count, section.options);
    if (is_split && held.empty())
      findings.warning(
          path,
          concat_text("validation_split ", section.options.validation_split, " holds none of its pictures out",
                      subset.from_metadata() ? ": a metadata file is not split" : ""),
          pictures_text(count));

    auto counter = std::ranges::find_if(tags, [&](const TagCounter& t) { return t.frequency().folder == subset.name; });
    if (counter == tags.end()) counter = tags.insert(tags.end(), TagCounter(subset.name));
    for (int i = 0; i < count; ++i) {
      const bool is_held = held.contains(i);
      if (!is_held) counter->add(pictures[i].tagged);
      Sample& sample = pictures[i].sample;
      sample.repeats = is_held ? 1 : subset.options.num_repeats;
      sample.is_reg = subset.is_reg;
      sample.dataset = index;
      sample.subset = static_cast<int>(dataset.section.subsets.size());
      (is_held ? samples.held_out : subset.is_reg ? reg : samples.trained).push_back(std::move(sample));
    }
    const int64_t trained = count - static_cast<int64_t>(held.size());
    (subset.is_reg ? dataset.reg_images : dataset.train_images) += trained * subset.options.num_repeats;
    dataset.image_counts.push_back(trained);
    dataset.section.subsets.push_back(subset);
  }
  for (const TagCounter& counter : tags) dataset.tags.push_back(counter.frequency());
  if (dataset.train_images == 0 && findings.count(Severity::error) == errors_before)
    findings.error(section.subsets.empty() ? "dataset" : section.subsets.front().path(),
                   "this dataset has no pictures to train on");
  if (dataset.reg_images > dataset.train_images)
    findings.warning(
        "", "there are more regularisation pictures than training pictures (with repeats): the last ones are not used");
  stretch_regularisation(reg, dataset.train_images);
  std::ranges::move(reg, std::back_inserter(samples.trained));
  return dataset;
}

/// Groups a dataset's samples by their places.
void fill_buckets(Dataset& dataset, int index, std::vector<Sample>& samples) {
  std::map<Size, Bucket> by_size;
  std::vector<double> errors;
  for (size_t i = 0; i < samples.size(); ++i) {
    const Sample& sample = samples[i];
    if (sample.dataset != index) continue;
    errors.push_back(std::abs(sample.place.ar_error));
    Bucket& bucket = by_size[sample.place.bucket];
    bucket.samples.push_back(static_cast<int>(i));
    bucket.count += sample.repeats;
  }
  for (auto& [size, bucket] : by_size) {
    bucket.size = size;
    bucket.batches = (bucket.count + dataset.section.options.batch_size - 1) / dataset.section.options.batch_size;
    dataset.batches += bucket.batches;
    for (const int i : bucket.samples) samples[i].bucket = static_cast<int>(dataset.buckets.size());
    dataset.buckets.push_back(std::move(bucket));
  }
  if (!errors.empty()) dataset.mean_img_ar_error = pairwise_sum(errors) / static_cast<double>(errors.size());
}

/// sd-scripts trains such a bucket with batches smaller than the setting.
void note_small_buckets(const Dataset& dataset, Findings& findings) {
  const int batch_size = dataset.section.options.batch_size;
  std::string small;
  for (const Bucket& bucket : dataset.buckets)
    if (bucket.count < batch_size)
      small +=
          concat_text(small.empty() ? "" : ", ", bucket.size.width, "x", bucket.size.height, " (", bucket.count, ")");
  if (!small.empty())
    findings.warning(dataset.section.subsets.front().path(),
                     concat_text("buckets with fewer pictures, with repeats, than the batch size ", batch_size,
                                 ", so that their batches are smaller: ", small));
}

template <class Get>
int64_t total(const std::vector<Dataset>& datasets, Get get) {
  int64_t sum = 0;
  for (const Dataset& dataset : datasets) sum += get(dataset);
  return sum;
}

}  // namespace

int64_t TrainingData::train_images() const {
  return total(datasets, [](const Dataset& d) { return d.train_images; });
}
int64_t TrainingData::reg_images() const {
  return total(datasets, [](const Dataset& d) { return d.reg_images; });
}
int64_t TrainingData::batches_per_epoch() const {
  return total(datasets, [](const Dataset& d) { return d.batches; });
}

TrainingData look_at_dataset(const DatasetConfig& config, Findings& findings, int threads) {
  check(!config.datasets.empty(), "there is nothing to train on: give --train_data_dir or --dataset_config");
  TrainingData data;
  data.from_file = config.from_file;
  data.latents = config.datasets.front().options.latents;
  findings.skip_broken = config.check.skip_broken_images;
  const Timer timer;
  Scan scan{.limit = TokenLimit(config.check.max_token_length, config.check.weighted_captions),
            .looks = PictureCheck(config.check, threads),
            .used = UsedFolders(config),
            .findings = findings};
  note_left_out_folders(config, scan.used, findings);
  Samples samples;
  for (const DatasetSection& section : config.datasets)
    data.datasets.push_back(scan_dataset(section, static_cast<int>(data.datasets.size()), scan, samples));
  std::set<std::string> paths;
  for (const auto* list : {&samples.trained, &samples.held_out})
    for (const Sample& sample : *list) paths.insert(sample.path);
  scan.looks.note_duplicates(paths, findings);
  log::info("looked at ", scan.looks.count(), " pictures in ", std::round(timer.seconds() * 10) / 10, " s");
  TrainingData validation = data;
  for (Dataset& dataset : validation.datasets) {
    dataset.train_images = dataset.reg_images = 0;
    dataset.tags.clear();
  }
  for (const Sample& sample : samples.held_out) ++validation.datasets[sample.dataset].train_images;
  data.samples = std::move(samples.trained);
  validation.samples = std::move(samples.held_out);
  for (size_t i = 0; i < data.datasets.size(); ++i) {
    fill_buckets(data.datasets[i], static_cast<int>(i), data.samples);
    fill_buckets(validation.datasets[i], static_cast<int>(i), validation.samples);
    note_small_buckets(data.datasets[i], findings);
  }
  if (!validation.samples.empty()) data.validation = std::make_shared<const TrainingData>(std::move(validation));
  return data;
}

TrainingData load_dataset(const DatasetConfig& config, int threads) {
  Findings findings;
  TrainingData data = look_at_dataset(config, findings, threads);
  data.warnings = report(findings);
  return data;
}

}  // namespace rankine
