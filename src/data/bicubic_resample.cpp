#include "data/bicubic_resample.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace rankine {
namespace {

/// Four input positions (kept inside the picture) and their weights.
struct Taps {
  std::array<int, 4> at;
  std::array<float, 4> weight;
};

std::vector<Taps> taps_for(int in_size, int out_size) {
  constexpr double a = -0.75;
  const double scale = static_cast<double>(in_size) / out_size;
  std::vector<Taps> taps(out_size);
  for (int out = 0; out < out_size; ++out) {
    const double position = (out + 0.5) * scale - 0.5;
    const double whole = std::floor(position), x = position - whole, rest = 1 - x;
    const double w0 = ((a * (x + 1) - 5 * a) * (x + 1) + 8 * a) * (x + 1) - 4 * a;
    const double w1 = ((a + 2) * x - (a + 3)) * x * x + 1;
    const double w2 = ((a + 2) * rest - (a + 3)) * rest * rest + 1;
    const double weights[] = {w0, w1, w2, 1 - w0 - w1 - w2};
    for (int k = 0; k < 4; ++k) {
      taps[out].at[k] = std::clamp(static_cast<int>(whole) - 1 + k, 0, in_size - 1);
      taps[out].weight[k] = static_cast<float>(weights[k]);
    }
  }
  return taps;
}

}  // namespace

std::vector<uint8_t> bicubic_resample(const std::vector<uint8_t>& pixels, int width, int height, int channels,
                                      int out_width, int out_height) {
  const std::vector<Taps> columns = taps_for(width, out_width), rows = taps_for(height, out_height);
  const size_t row_length = static_cast<size_t>(width) * channels;
  std::vector<uint8_t> out(static_cast<size_t>(out_width) * out_height * channels);
  std::vector<float> line(row_length);  // one output row before it is resampled sideways
  uint8_t* to = out.data();
  for (const Taps& row : rows) {
    std::fill(line.begin(), line.end(), 0.0f);
    for (int k = 0; k < 4; ++k) {
      const uint8_t* from = pixels.data() + row.at[k] * row_length;
      for (size_t i = 0; i < row_length; ++i) line[i] += static_cast<float>(from[i]) * row.weight[k];
    }
    for (const Taps& column : columns) {
      for (int c = 0; c < channels; ++c) {
        float sum = 0;
        for (int k = 0; k < 4; ++k) sum += line[static_cast<size_t>(column.at[k]) * channels + c] * column.weight[k];
        *to++ = static_cast<uint8_t>(std::clamp(std::nearbyint(sum), 0.0f, 255.0f));
      }
    }
  }
  return out;
}

}  // namespace rankine
