#include "data/dataset_config.h"

#include <charconv>
#include <filesystem>

#include "base/error.h"
#include "base/shortened.h"

namespace rankine {
namespace {

namespace fs = std::filesystem;

/// The whole text as a number; 0, which no caller accepts, if it is none or does not fit.
int whole_number(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  int value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  return fault == std::errc() && end == text.data() + text.size() ? value : 0;
}

}  // namespace

BucketConfig DatasetSection::bucket_config() const {
  check(options.resolution.has_value(), "no resolution is given: set --resolution or `resolution` in the dataset file");
  return {.resolution = *options.resolution,
          .enable_bucket = options.enable_bucket,
          .min_bucket_reso = options.min_bucket_reso,
          .max_bucket_reso = options.max_bucket_reso,
          .bucket_reso_steps = options.bucket_reso_steps,
          .bucket_no_upscale = options.bucket_no_upscale,
          .latents = options.latents};
}

DatasetConfig dataset_from_metadata(const std::string& in_json, const std::string& train_data_dir,
                                    const DataDefaults& defaults) {
  check(fs::is_regular_file(in_json), "--in_json ", in_json, " is not a file");
  check(train_data_dir.empty() || fs::is_directory(train_data_dir), "--train_data_dir \"", train_data_dir,
        "\" is not a folder");
  DatasetSection dataset;
  dataset.options = defaults.dataset;
  dataset.resize_interpolation = defaults.subset.resize_interpolation;
  dataset.subsets.push_back({.image_dir = train_data_dir,
                             .metadata_file = in_json,
                             .name = folder_name(in_json),
                             .options = defaults.subset});
  [[maybe_unused]] const Buckets buckets(dataset.bucket_config());  // finds faults of the sizes now
  return {.from_file = false, .datasets = {std::move(dataset)}};
}

std::string folder_name(const std::string& path) {
  const fs::path normal = fs::absolute(path).lexically_normal();
  return (normal.has_filename() ? normal : normal.parent_path()).filename().string();
}

std::array<double, 2> face_crop_range(double nearest, double farthest) {
  check(nearest > 0 && nearest <= farthest,
        "face_crop_aug_range must be two numbers above 0, the smaller first, such as 2.0,4.0; got ", nearest, ",",
        farthest);
  return {nearest, farthest};
}

std::array<double, 2> face_crop_range_from(const std::string& text) {
  std::array<double, 2> range{};
  const size_t comma = text.find(',');
  bool good = comma != std::string::npos;
  for (size_t i = 0; i < 2 && good; ++i) {
    std::string_view part = i == 0 ? std::string_view(text).substr(0, comma) : std::string_view(text).substr(comma + 1);
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    const auto [end, fault] = std::from_chars(part.data(), part.data() + part.size(), range[i]);
    good = fault == std::errc() && end == part.data() + part.size();
  }
  check(good, "face_crop_aug_range must be two numbers with a comma between, such as 2.0,4.0; got \"", shortened(text),
        "\"");
  return face_crop_range(range[0], range[1]);
}

Size resolution_from(const std::string& text) {
  const size_t comma = text.find(',');
  const int width = whole_number(std::string_view(text).substr(0, comma));
  const int height = comma == std::string::npos ? width : whole_number(std::string_view(text).substr(comma + 1));
  check(width > 0 && height > 0, "resolution must be a length in pixels or WIDTH,HEIGHT, got \"", shortened(text),
        "\"");
  return {width, height};
}

}  // namespace rankine
