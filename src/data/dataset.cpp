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
#include "data/parallel.h"
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

/// Finds one dataset's pictures and captions. Appends its samples (training pictures first), as yet without sizes.
Dataset scan(const DatasetSection& section, int index, std::vector<Sample>& samples, Findings& findings) {
  Dataset dataset;
  dataset.section = section;
  dataset.section.subsets.clear();
  dataset.bucket_config = Buckets(section.bucket_config()).config();
  std::vector<Sample> reg;
  std::vector<TagCounter> tags;
  std::set<fs::path> seen;
  for (const SubsetSection& subset : section.subsets) {
    if (subset.options.num_repeats < 1) {
      findings.warn(
          concat_text(subset.image_dir, ": num_repeats is ", subset.options.num_repeats, ", the folder is left out"));
      continue;
    }
    std::error_code not_there;
    if (!seen.insert(fs::weakly_canonical(subset.image_dir, not_there)).second) {
      findings.warn(concat_text(subset.image_dir, ": the folder is named twice in a dataset, the first counts"));
      continue;
    }
    std::vector<std::string> images;
    try {
      images = list_images(subset.image_dir);
    } catch (const Error& error) {
      findings.fault(subset.image_dir, error.what());
      continue;
    }
    if (images.empty()) {
      findings.warn(
          concat_text(subset.image_dir, ": no pictures (.png .jpg .jpeg .webp .bmp), the folder is left out"));
      continue;
    }
    const std::vector<std::string> captions = captions_of(subset, images, findings);
    auto counter = std::ranges::find_if(tags, [&](const TagCounter& t) { return t.frequency().folder == subset.name; });
    if (counter == tags.end()) counter = tags.insert(tags.end(), TagCounter(subset.name));
    for (size_t i = 0; i < images.size(); ++i) {
      counter->add(captions[i]);
      Sample sample{
          .path = images[i], .caption = captions[i], .repeats = subset.options.num_repeats, .is_reg = subset.is_reg};
      sample.dataset = index;
      sample.subset = static_cast<int>(dataset.section.subsets.size());
      (subset.is_reg ? reg : samples).push_back(std::move(sample));
    }
    const int64_t drawn = static_cast<int64_t>(images.size()) * subset.options.num_repeats;
    (subset.is_reg ? dataset.reg_images : dataset.train_images) += drawn;
    dataset.image_counts.push_back(static_cast<int64_t>(images.size()));
    dataset.section.subsets.push_back(subset);
  }
  for (const TagCounter& counter : tags) dataset.tags.push_back(counter.frequency());
  if (dataset.train_images == 0)
    findings.fault(section.subsets.empty() ? "dataset" : section.subsets.front().image_dir,
                   "this dataset has no pictures to train on");
  if (dataset.reg_images > dataset.train_images)
    findings.warn(
        "there are more regularisation pictures than training pictures (with repeats): the last ones are not used");
  stretch_regularisation(reg, dataset.train_images);
  std::ranges::move(reg, std::back_inserter(samples));
  return dataset;
}

/// Decodes every file once and notes its size; a file in several datasets is decoded once.
void look_at_images(std::vector<Sample>& samples, int threads, Findings& findings) {
  struct Look {
    Size size;
    std::string fault;
  };
  std::map<std::string, Look> looks;
  for (const Sample& sample : samples) looks[sample.path];
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
  for (Sample& sample : samples) sample.size = looks[sample.path].size;
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
  for (const DatasetSection& section : config.datasets)
    data.datasets.push_back(scan(section, static_cast<int>(data.datasets.size()), data.samples, findings));
  look_at_images(data.samples, threads, findings);
  for (size_t i = 0; i < data.datasets.size(); ++i)
    assign_buckets(data.datasets[i], static_cast<int>(i), data.samples, findings);
  for (const std::string& warning : findings.warnings()) log::warning(warning);
  findings.stop_on_faults();
  data.warnings = std::move(findings.warnings());
  return data;
}

}  // namespace rankine
