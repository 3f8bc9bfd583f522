#pragma once
#include <cstdint>
#include <vector>

namespace rankine {

/// Pillow's filters that OpenCV has not got in the same form.
enum class PillowFilter : uint8_t { lanczos, box };

/// Resamples 8-bit pixels [height, width, channels] to [out_height, out_width, channels] with Pillow's fixed-point
/// arithmetic: first along rows, then along columns, rounded to 8 bits between the two. A side that keeps its length is
/// not touched.
std::vector<uint8_t> pillow_resample(const std::vector<uint8_t>& pixels, int width, int height, int channels,
                                     int out_width, int out_height, PillowFilter filter);

/// Multiplies the colours of RGBA pixels by their alpha, and back, in Pillow's 8-bit rounding.
void premultiply_alpha(std::vector<uint8_t>& rgba);
void unpremultiply_alpha(std::vector<uint8_t>& rgba);

}  // namespace rankine
