#pragma once
#include <cstdint>
#include <vector>

namespace rankine {

/// Filters of Pillow that OpenCV lacks in the same form.
enum class PillowFilter : uint8_t { lanczos, box };

/// Resamples 8-bit pixels [height, width, channels] to [out_height, out_width, channels] with Pillow's fixed-point
/// arithmetic: first along rows, then along columns, rounded to 8 bits between the two. An unchanged side is not
/// resampled.
std::vector<uint8_t> pillow_resample(const std::vector<uint8_t>& pixels, int width, int height, int channels,
                                     int out_width, int out_height, PillowFilter filter);

/// Multiplies the colours of RGBA pixels by their alpha, and back, in Pillow's 8-bit rounding.
void premultiply_alpha(std::vector<uint8_t>& rgba);
void unpremultiply_alpha(std::vector<uint8_t>& rgba);

}  // namespace rankine
