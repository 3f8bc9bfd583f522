#pragma once
#include <cstdint>
#include <vector>

namespace rankine {

/// Cubic convolution (Keys 1981, a = -0.75) over 4 x 4 pixels, edges repeated, without smoothing when shrinking:
/// OpenCV's INTER_CUBIC as its usual Python package computes it, in float32. (OpenCV's own code path rounds the weights
/// to 11 bits, which moves one byte in twenty by one level.) `pixels`: [height, width, channels] -> [out_height,
/// out_width, channels].
std::vector<uint8_t> bicubic_resample(const std::vector<uint8_t>& pixels, int width, int height, int channels,
                                      int out_width, int out_height);

}  // namespace rankine
