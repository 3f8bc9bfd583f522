#include "data/crop.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>

namespace rankine {
namespace {

/// A face in a picture: its centre and size in pixels.
struct Face {
  int x = 0, y = 0, size = 0;  // size: the longer side
};

/// The face from the last four of five or more parts of the file's name, with "_" between. Empty if they are not a
/// face.
std::optional<Face> face_in(const std::string& path) {
  std::string stem = std::filesystem::path(path).stem().string();
  int values[4];
  for (int i = 3; i >= 0; --i) {
    const size_t mark = stem.rfind('_');
    if (mark == std::string::npos) return std::nullopt;
    const char *begin = stem.data() + mark + 1, *end = stem.data() + stem.size();
    const auto [read, fault] = std::from_chars(begin, end, values[i]);
    if (fault != std::errc() || read != end) return std::nullopt;
    stem.resize(mark);
  }
  const Face face{values[0], values[1], std::max(values[2], values[3])};
  if (face.x <= 0 || face.size <= 0) return std::nullopt;
  return face;
}

int rounded(double x) { return static_cast<int>(x + 0.5); }

/// Uniform in least ... most, inclusive.
int between(int least, int most, Rng& rng) {
  return least + static_cast<int>(rng.below(static_cast<uint32_t>(most - least + 1)));
}

Crop around_face(const Sample& sample, const Face& face, const SubsetOptions& options, Rng& rng) {
  const Size target = sample.place.bucket;
  if (sample.size == target) return {.resized = target, .left = 0, .top = 0, .size = target};
  const auto [nearest, farthest] = *options.face_crop_aug_range;
  const int side = std::min(target.width, target.height);
  const double fit = std::max(static_cast<double>(target.height) / sample.size.height,
                              static_cast<double>(target.width) / sample.size.width);
  // Enlarges a picture only if it is smaller than the training size.
  const double most = std::max(1.0, fit);
  const double low = std::min(most, std::max(fit, side / (face.size * farthest)));
  const double high = std::min(most, std::max(low, side / (face.size * nearest)));
  const double scale = low >= high ? low : low + (high - low) * rng.uniform();

  Crop crop{.resized = {std::max(target.width, rounded(sample.size.width * scale)),
                        std::max(target.height, rounded(sample.size.height * scale))},
            .left = 0,
            .top = 0,
            .size = target};
  const auto place = [&, varies = nearest != farthest](int length, int part, int centre) {
    int begin = centre - part / 2;
    if (options.random_crop) {
      // The sum of two draws is most often near the face and sometimes far from it.
      const int reach = std::max({length - centre, centre, 0});
      begin += between(0, reach, rng) + between(0, reach, rng) - reach;
    } else if (varies && face.size > side / 10 && face.size >= 40) {
      begin += between(-((face.size + 19) / 20), face.size / 20, rng);
    }
    return std::clamp(begin, 0, length - part);
  };
  crop.top = place(crop.resized.height, target.height, rounded(face.y * scale));
  crop.left = place(crop.resized.width, target.width, rounded(face.x * scale));
  return crop;
}

}  // namespace

Crop centre_crop(const Sample& sample) {
  const Size resized = sample.place.resized, size = sample.place.bucket;
  return {.resized = resized,
          .left = (resized.width - size.width) / 2,
          .top = (resized.height - size.height) / 2,
          .size = size};
}

Crop choose_crop(const Sample& sample, const DatasetOptions& dataset, const SubsetOptions& subset, Rng& rng) {
  Crop crop = centre_crop(sample);
  if (!dataset.enable_bucket && subset.face_crop_aug_range)
    if (const std::optional<Face> face = face_in(sample.path)) return around_face(sample, *face, subset, rng);
  if (!subset.random_crop) return crop;
  const bool is_large = sample.size.width >= crop.size.width && sample.size.height >= crop.size.height;
  if (!dataset.enable_bucket && is_large) crop.resized = sample.size;
  crop.left = between(0, crop.resized.width - crop.size.width, rng);
  crop.top = between(0, crop.resized.height - crop.size.height, rng);
  return crop;
}

bool crop_varies(const DatasetOptions& dataset, const SubsetOptions& subset) {
  return subset.random_crop || (subset.face_crop_aug_range && !dataset.enable_bucket);
}

Image apply(const Crop& crop, const Image& image, Interpolation interpolation) {
  return cut(resize(image, crop.resized, interpolation), crop.left, crop.top, crop.size);
}

}  // namespace rankine
