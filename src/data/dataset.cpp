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
#include "data/image_folder.h"
#include "data/metadata_file.h"
#include "data/parallel.h"
#include "data/python_shuffle.h"
#include "io/image.h"

namespace rankine {
namespace {

namespace fs = std::filesystem;

/// More pixels than this before the crop means a picture so narrow that nearly all of it would be cut away.
constexpr int64_t kMostResizedPixels = int64_t{1} << 28;

/// Captions are looked for under these when none is found.
constexpr std::string_view other_extensions[] = {".txt", ".caption", ".tags", ".cap"};

/// Collects what is wrong, so that all of it is said at once.
class Findings {
 public:
  void fault(const std::string& path, const std::string& reason) {
    // Readers name the file themselves.
    faults_.push_back(reason.starts_with(path) ? reason : path + ": " + reason);
  }
  void warn(std::string text) { warnings_.push_back(std::move(text)); }
  std::vector<std::string>& warnings() { return warnings_; }

  void stop_on_faults() const {
    if (faults_.empty()) return;
    std::string text = concat_text("the dataset cannot be trained on, ", faults_.size(),
                                   faults_.size() == 1 ? " fault was found:" : " faults were found:");
    for (const std::string& fault : faults_) text += "\n  " + fault;
    fail(text);
  }

 private:
  std::vector<std::string> faults_, warnings_;
};

/// "a, b, c and 7 more"
std::string some_of(std::span<const std::string> paths) {
  constexpr size_t most = 5;
  std::string text;
  for (size_t i = 0; i < std::min(most, paths.size()); ++i)
    text += (i ? ", " : "") + fs::path(paths[i]).filename().string();
  if (paths.size() > most) text += concat_text(" and ", paths.size() - most, " more");
  return text;
}

/// Not there, or not to be reached.
bool is_there(const std::string& path) {
  std::error_code fault;
  return fs::exists(path, fault);
}

/// The suffix of captions that lie beside the pictures though another one was asked for; empty when there are none.
std::string_view other_suffix_in_use(const std::vector<std::string>& images) {
  for (const std::string_view extension : other_extensions)
    for (const std::string& image : images)
      if (is_there(caption_path(image, std::string(extension)))) return extension;
  return {};
}

/// The captions of one folder's pictures, in their order.
std::vector<std::string> captions_of(const SubsetSection& subset, const std::vector<std::string>& images,
                                     Findings& findings) {
  const std::string substitute = subset.options.class_tokens.value_or("");
  std::vector<std::string> captions, missing, empty;
  for (const std::string& image : images) {
    const std::string path = caption_path(image, subset.options.caption_extension);
    std::string caption;
    if (!is_there(path)) {
      missing.push_back(image);
      caption = substitute;
    } else {
      try {
        caption = read_caption(path, subset.options.caption.enable_wildcard);
        if (caption.empty()) {
          empty.push_back(path);
          caption = substitute;
        }
      } catch (const Error& error) {
        findings.fault(path, error.what());
      }
    }
    captions.push_back(std::move(caption));
  }

  if (missing.size() == images.size()) {
    const std::string_view other = other_suffix_in_use(images);
    if (!other.empty()) {
      findings.fault(
          subset.image_dir,
          concat_text("no caption ends in \"", subset.options.caption_extension, "\", but captions ending in \"", other,
                      "\" lie there: set --caption_extension ", other, " (caption_extension in a dataset file)"));
      return captions;
    }
  }
  const std::string instead =
      substitute.empty() ? std::string("an empty caption") : concat_text("the class words \"", substitute, "\"");
  if (!missing.empty())
    findings.warn(concat_text(subset.image_dir, ": ", missing.size(), " of ", images.size(),
                              " pictures have no caption file (", subset.options.caption_extension, "), ", instead,
                              " is used: ", some_of(missing)));
  if (!empty.empty())
    findings.warn(concat_text(subset.image_dir, ": ", empty.size(), " captions are empty, ", instead,
                              " is used: ", some_of(empty)));
  return captions;
}

/// What one folder or metadata file holds, before it is known which pictures are held out.
struct Found {
  std::vector<std::string> images{}, captions{};
  std::vector<std::string> tagged{};  ///< what ss_tag_frequency counts: captions, or tags alone
};

Found find_pictures(const SubsetSection& subset, Findings& findings) {
  Found found;
  if (subset.from_metadata()) {
    const auto fault = [&](const std::string& text) { findings.fault(subset.metadata_file, text); };
    for (MetadataEntry& entry :
         read_metadata_file(subset.metadata_file, subset.image_dir, subset.options.caption, fault)) {
      found.images.push_back(std::move(entry.path));
      found.captions.push_back(std::move(entry.caption));
      found.tagged.push_back(std::move(entry.tags));
    }
    return found;
  }
  found.images = list_images(subset.image_dir);
  if (!found.images.empty()) found.tagged = found.captions = captions_of(subset, found.images, findings);
  return found;
}

/// The mask picture of each picture, by the same name; empty where a folder has none, and a fault where one is missing.
std::vector<std::string> masks_of(const SubsetSection& subset, const std::vector<std::string>& images,
                                  Findings& findings) {
  std::vector<std::string> masks(images.size());
  if (!subset.options.conditioning_data_dir) return masks;
  const std::string& folder = *subset.options.conditioning_data_dir;
  std::map<std::string, std::string> by_stem;
  for (const std::string& mask : list_images(folder)) by_stem.emplace(fs::path(mask).stem().string(), mask);
  std::set<std::string> used;
  for (size_t i = 0; i < images.size(); ++i) {
    const std::string stem = fs::path(images[i]).stem().string();
    const auto mask = by_stem.find(stem);
    if (mask == by_stem.end()) {
      findings.fault(images[i], concat_text("there is no mask named ", stem, ".* in ", folder));
      continue;
    }
    masks[i] = mask->second;
    used.insert(stem);
  }
  if (used.size() < by_stem.size())
    findings.warn(concat_text(folder, ": ", by_stem.size() - used.size(), " masks belong to no picture"));
  return masks;
}

/// Which of `count` pictures are held out, as sd-scripts chooses them with a validation_seed: the last ones of a
/// shuffled list. What is not trained on is held out, so that no picture is both or neither.
std::set<int> held_out(int count, const DatasetOptions& options) {
  const auto trained = static_cast<std::ptrdiff_t>(std::ceil(count * (1 - options.validation_split)));
  const std::vector<int> order = python_shuffle(count, options.validation_seed.value_or(0));
  return {order.begin() + std::min<std::ptrdiff_t>(trained, count), order.end()};
}

/// numpy's mean, which sums pairwise: the last digits of mean_img_ar_error depend on the order.
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

/// Regularisation pictures in order until their repeats reach the number of training pictures; while short, further
/// rounds add one, picture by picture. Those never reached are left out.
void stretch_regularisation(std::vector<Sample>& reg, int64_t train_images) {
  int64_t reached = 0;
  size_t used = 0;
  while (used < reg.size() && reached < train_images) reached += reg[used++].repeats;
  reg.resize(used);
  for (size_t i = 0; reached < train_images && !reg.empty(); i = (i + 1) % reg.size(), ++reached) ++reg[i].repeats;
}

/// Where samples go.
struct Samples {
  std::vector<Sample> trained{}, held_out{};
};

/// Finds one dataset's pictures and captions. Appends its samples (training pictures first), as yet without sizes.
Dataset scan(const DatasetSection& section, int index, Samples& samples, Findings& findings) {
  Dataset dataset;
  dataset.section = section;
  dataset.section.subsets.clear();
  dataset.bucket_config = Buckets(section.bucket_config()).config();
  std::vector<Sample> reg;
  std::vector<TagCounter> tags;
  std::set<fs::path> seen;
  for (const SubsetSection& subset : section.subsets) {
    const std::string& path = subset.path();
    if (subset.options.num_repeats < 1) {
      findings.warn(concat_text(path, ": num_repeats is ", subset.options.num_repeats, ", the folder is left out"));
      continue;
    }
    std::error_code not_there;
    if (!seen.insert(fs::weakly_canonical(path, not_there)).second) {
      findings.warn(concat_text(path, ": the folder is named twice in a dataset, the first counts"));
      continue;
    }
    Found found;
    std::vector<std::string> masks;
    try {
      found = find_pictures(subset, findings);
      masks = masks_of(subset, found.images, findings);
    } catch (const Error& error) {
      findings.fault(path, error.what());
      continue;
    }
    if (found.images.empty()) {
      findings.warn(concat_text(path, subset.from_metadata() ? ": it names no pictures and is left out"
                                                             : ": no pictures (.png .jpg .jpeg .webp .bmp), the folder "
                                                               "is left out"));
      continue;
    }
    const int count = static_cast<int>(found.images.size());
    const bool is_split = section.options.validation_split > 0 && !subset.is_reg;
    std::set<int> held;
    if (is_split && !subset.from_metadata()) held = held_out(count, section.options);
    if (is_split && held.empty())
      findings.warn(
          concat_text(path, ": validation_split ", section.options.validation_split, " holds none of its ", count,
                      subset.from_metadata() ? " pictures out: a metadata file is not split" : " pictures out"));

    auto counter = std::ranges::find_if(tags, [&](const TagCounter& t) { return t.frequency().folder == subset.name; });
    if (counter == tags.end()) counter = tags.insert(tags.end(), TagCounter(subset.name));
    for (int i = 0; i < count; ++i) {
      const bool is_held = held.contains(i);
      if (!is_held) counter->add(found.tagged[i]);
      Sample sample{.path = found.images[i],
                    .caption = found.captions[i],
                    .mask_path = masks[i],
                    .repeats = is_held ? 1 : subset.options.num_repeats,
                    .is_reg = subset.is_reg};
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
  if (dataset.train_images == 0)
    findings.fault(section.subsets.empty() ? "dataset" : section.subsets.front().path(),
                   "this dataset has no pictures to train on");
  if (dataset.reg_images > dataset.train_images)
    findings.warn(
        "there are more regularisation pictures than training pictures (with repeats): the last ones are not used");
  stretch_regularisation(reg, dataset.train_images);
  std::ranges::move(reg, std::back_inserter(samples.trained));
  return dataset;
}

/// Decodes every file once and notes its size; a file in several datasets is decoded once.
void look_at_images(Samples& samples, int threads, Findings& findings) {
  struct Look {
    Size size;
    std::string fault;
  };
  std::map<std::string, Look> looks;
  for (const std::vector<Sample>* list : {&samples.trained, &samples.held_out})
    for (const Sample& sample : *list) {
      looks[sample.path];
      if (!sample.mask_path.empty()) looks[sample.mask_path];
    }
  const Timer timer;
  std::vector<std::pair<const std::string, Look>*> files;
  for (auto& file : looks) files.push_back(&file);
  for_each_in_parallel(static_cast<int>(files.size()), threads, [&](int i) {
    auto& [path, look] = *files[i];
    try {
      const Image image = read_image(path, Alpha::drop);
      look.size = {image.width, image.height};
    } catch (const std::exception& error) {
      look.fault = error.what();
    }
  });
  log::info("looked at ", files.size(), " pictures in ", std::round(timer.seconds() * 10) / 10, " s");
  for (const auto& [path, look] : looks)
    if (!look.fault.empty()) findings.fault(path, look.fault);
  for (std::vector<Sample>* list : {&samples.trained, &samples.held_out})
    for (Sample& sample : *list) {
      sample.size = looks[sample.path].size;
      if (sample.mask_path.empty()) continue;
      const Look& mask = looks[sample.mask_path];
      if (sample.size.width > 0 && mask.size.width > 0 && mask.size != sample.size)
        findings.fault(sample.mask_path,
                       concat_text("the mask is ", mask.size.width, "x", mask.size.height, ", but its picture ",
                                   sample.path, " is ", sample.size.width, "x", sample.size.height));
    }
}

void assign_buckets(Dataset& dataset, int index, std::vector<Sample>& samples, Findings& findings) {
  const Buckets buckets(dataset.bucket_config);
  std::map<Size, Bucket> by_size;
  std::vector<double> errors;
  for (size_t i = 0; i < samples.size(); ++i) {
    Sample& sample = samples[i];
    if (sample.dataset != index || sample.size.width == 0) continue;
    try {
      sample.place = buckets.select(sample.size);
      const auto [width, height] = sample.place.resized;
      check(static_cast<int64_t>(width) * height <= kMostResizedPixels, "a picture of ", sample.size.width, "x",
            sample.size.height, " would be resized to ", width, "x", height,
            " before the crop: it is too narrow, leave it out");
    } catch (const Error& error) {
      findings.fault(sample.path, error.what());
      continue;
    }
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

TrainingData load_dataset(const DatasetConfig& config, int threads) {
  check(!config.datasets.empty(), "there is nothing to train on: give --train_data_dir or --dataset_config");
  TrainingData data;
  data.from_file = config.from_file;
  Findings findings;
  Samples samples;
  for (const DatasetSection& section : config.datasets)
    data.datasets.push_back(scan(section, static_cast<int>(data.datasets.size()), samples, findings));
  look_at_images(samples, threads, findings);
  TrainingData validation = data;
  for (Dataset& dataset : validation.datasets) {
    dataset.train_images = dataset.reg_images = 0;
    dataset.tags.clear();
  }
  for (const Sample& sample : samples.held_out) ++validation.datasets[sample.dataset].train_images;
  data.samples = std::move(samples.trained);
  validation.samples = std::move(samples.held_out);
  for (size_t i = 0; i < data.datasets.size(); ++i) {
    assign_buckets(data.datasets[i], static_cast<int>(i), data.samples, findings);
    assign_buckets(validation.datasets[i], static_cast<int>(i), validation.samples, findings);
  }
  for (const std::string& warning : findings.warnings()) log::warning(warning);
  findings.stop_on_faults();
  data.warnings = std::move(findings.warnings());
  if (!validation.samples.empty()) data.validation = std::make_shared<const TrainingData>(std::move(validation));
  return data;
}

}  // namespace rankine
