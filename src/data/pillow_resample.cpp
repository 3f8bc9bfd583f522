#include "data/pillow_resample.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>

namespace rankine {
namespace {

/// Bits after the point of a filter weight: 32, less 8 for the pixel and 2 for the sign and overshoot.
constexpr int kWeightBits = 22;

double sinc(double x) {
  if (x == 0) return 1;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double lanczos3(double x) { return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0; }

double box(double x) { return x > -0.5 && x <= 0.5 ? 1 : 0; }

/// The input pixels of one output pixel.
struct Window {
  int first = 0;
  std::vector<int32_t> weights;
};

std::vector<Window> windows_for(int in_size, int out_size, PillowFilter kind) {
  const auto filter = kind == PillowFilter::lanczos ? lanczos3 : box;
  const double scale = static_cast<double>(in_size) / out_size;
  const double filter_scale = std::max(scale, 1.0);  // enlarging interpolates and does not sharpen the filter
  const double support = (kind == PillowFilter::lanczos ? 3.0 : 0.5) * filter_scale;
  const double inverse = 1.0 / filter_scale;
  std::vector<Window> windows(out_size);
  std::vector<double> weights;
  for (int out = 0; out < out_size; ++out) {
    const double centre = (out + 0.5) * scale;
    const int first = std::max(0, static_cast<int>(centre - support + 0.5));
    const int last = std::min(in_size, static_cast<int>(centre + support + 0.5));
    weights.clear();
    double sum = 0;
    for (int in = first; in < last; ++in) {
      weights.push_back(filter((in - centre + 0.5) * inverse));
      sum += weights.back();
    }
    windows[out].first = first;
    for (double weight : weights) {
      if (sum != 0) weight /= sum;
      const double fixed = weight * (1 << kWeightBits);
      windows[out].weights.push_back(static_cast<int32_t>(weight < 0 ? fixed - 0.5 : fixed + 0.5));
    }
  }
  return windows;
}

uint8_t to_pixel(int32_t sum) { return static_cast<uint8_t>(std::clamp(sum >> kWeightBits, 0, 255)); }

std::vector<uint8_t> along_rows(const std::vector<uint8_t>& in, int width, int height, int channels, int out_width,
                                PillowFilter filter) {
  const std::vector<Window> windows = windows_for(width, out_width, filter);
  std::vector<uint8_t> out(static_cast<size_t>(out_width) * height * channels);
  for (int y = 0; y < height; ++y) {
    const uint8_t* row = in.data() + static_cast<size_t>(y) * width * channels;
    uint8_t* to = out.data() + static_cast<size_t>(y) * out_width * channels;
    for (const Window& window : windows) {
      for (int c = 0; c < channels; ++c) {
        int32_t sum = 1 << (kWeightBits - 1);
        const uint8_t* from = row + static_cast<size_t>(window.first) * channels + c;
        for (const int32_t weight : window.weights) {
          sum += *from * weight;
          from += channels;
        }
        *to++ = to_pixel(sum);
      }
    }
  }
  return out;
}

std::vector<uint8_t> along_columns(const std::vector<uint8_t>& in, int width, int height, int channels, int out_height,
                                   PillowFilter filter) {
  const std::vector<Window> windows = windows_for(height, out_height, filter);
  const size_t row_length = static_cast<size_t>(width) * channels;
  std::vector<uint8_t> out(row_length * out_height);
  std::vector<int32_t> sums(row_length);
  for (int y = 0; y < out_height; ++y) {
    const Window& window = windows[y];
    std::fill(sums.begin(), sums.end(), 1 << (kWeightBits - 1));
    for (size_t k = 0; k < window.weights.size(); ++k) {
      const int32_t weight = window.weights[k];
      const uint8_t* row = in.data() + (window.first + k) * row_length;
      for (size_t x = 0; x < row_length; ++x) sums[x] += row[x] * weight;
    }
    uint8_t* to = out.data() + y * row_length;
    for (size_t x = 0; x < row_length; ++x) to[x] = to_pixel(sums[x]);
  }
  return out;
}

}  // namespace

std::vector<uint8_t> pillow_resample(const std::vector<uint8_t>& pixels, int width, int height, int channels,
                                     int out_width, int out_height, PillowFilter filter) {
  std::vector<uint8_t> result = pixels;
  if (out_width != width) result = along_rows(result, width, height, channels, out_width, filter);
  if (out_height != height) result = along_columns(result, out_width, height, channels, out_height, filter);
  return result;
}

void premultiply_alpha(std::vector<uint8_t>& rgba) {
  for (size_t i = 0; i + 3 < rgba.size(); i += 4) {
    const int alpha = rgba[i + 3];
    for (size_t c = i; c < i + 3; ++c) {
      const int t = rgba[c] * alpha + 128;
      rgba[c] = static_cast<uint8_t>((t + (t >> 8)) >> 8);
    }
  }
}

void unpremultiply_alpha(std::vector<uint8_t>& rgba) {
  for (size_t i = 0; i + 3 < rgba.size(); i += 4) {
    const int alpha = rgba[i + 3];
    if (alpha == 0 || alpha == 255) continue;
    for (size_t c = i; c < i + 3; ++c) rgba[c] = static_cast<uint8_t>(std::min(255, 255 * rgba[c] / alpha));
  }
}

}  // namespace rankine
