#pragma once
#include "base/rng.h"
#include "data/dataset.h"
#include "data/resize.h"

namespace rankine {

/// The part of a picture that is trained on: the whole is resized to `resized`, and `size` is cut out at (left, top).
struct Crop {
  Size resized{};
  int left = 0, top = 0;
  Size size{};
  auto operator<=>(const Crop&) const = default;
};

/// The middle of the picture in the size of its bucket: what is trained on without random_crop and faces, and what
/// caches hold.
Crop centre_crop(const Sample& sample);

/// Where a use of a picture is cut, as sd-scripts does it: in the middle, or anywhere with random_crop, which without
/// buckets cuts from the picture as it is; without buckets and with face_crop_aug_range around the face that the file's
/// name tells of ("..._CX_CY_W_H": its centre and size), zoomed at random.
Crop choose_crop(const Sample& sample, const DatasetOptions& dataset, const SubsetOptions& subset, Rng& rng);

/// Whether choose_crop can give something else than the middle.
bool crop_varies(const DatasetOptions& dataset, const SubsetOptions& subset);

Image apply(const Crop& crop, const Image& image, Interpolation interpolation);

}  // namespace rankine
