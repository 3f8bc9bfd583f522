#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "data/buckets.h"
#include "io/image.h"

namespace rankine {

/// The filter for resizing. `automatic`: area if neither side grows, otherwise lanczos.
enum class Interpolation : uint8_t { automatic, lanczos, box, area, bilinear, bicubic, nearest };

/// lanczos, lanczos4, box, area, bilinear, linear, bicubic, cubic, nearest. Throws Error for any other name.
Interpolation interpolation_from(std::string_view name);

/// Resamples to exactly `size`, to the same pixels as sd-scripts' libraries: Pillow's arithmetic for lanczos and box
/// (with four channels the colours are premultiplied by alpha), and OpenCV's for the others. A picture that already has
/// the size is returned unchanged.
Image resize(const Image& image, Size size, Interpolation interpolation);

/// The part of `size` whose left top corner is at (left, top). It must lie inside the picture.
Image cut(const Image& image, int left, int top, Size size);

/// The middle of the picture; an odd excess leaves the larger part at the right and bottom. `size` must not exceed the
/// picture.
Image centre_crop(const Image& image, Size size);

/// Mirrors left and right.
Image flip_horizontal(const Image& image);

/// Writes the network's input from `out` on: (x / 255 - 0.5) / 0.5 of the first three channels as [H, W, 3], mirrored
/// if `flipped`; height * width * 3 floats. Needs at least three channels.
void to_network_input(const Image& image, bool flipped, float* out);

}  // namespace rankine
