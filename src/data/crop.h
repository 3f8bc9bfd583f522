#pragma once
#include "base/rng.h"
#include "data/dataset.h"
#include "data/resize.h"

namespace rankine {

/// The part of a picture that is trained on: the picture is resized to `resized`, and `size` is cut out at (left, top).
struct Crop {
  Size resized{};
  int left = 0, top = 0;
  Size size{};
  auto operator<=>(const Crop&) const = default;
};

/// The middle of the picture in the size of its bucket. Training without random_crop and faces uses it, and so do
/// caches.
Crop centre_crop(const Sample& sample);

/// Chooses the crop for one use of a picture, as sd-scripts does: the middle, or any place with random_crop. Without
/// buckets, random_crop cuts from the unresized picture, and face_crop_aug_range cuts around the face that the file's
/// name gives ("..._CX_CY_W_H": its centre and size), with a random zoom.
Crop choose_crop(const Sample& sample, const DatasetOptions& dataset, const SubsetOptions& subset, Rng& rng);

/// True if choose_crop can return anything but the middle.
bool crop_varies(const DatasetOptions& dataset, const SubsetOptions& subset);

Image apply(const Crop& crop, const Image& image, Interpolation interpolation);

}  // namespace rankine
