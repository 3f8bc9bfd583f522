#include "data/color_augment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <opencv2/imgproc.hpp>

namespace rankine {
namespace {

/// OpenCV's hue of 8-bit pictures: half degrees.
constexpr double kHueSteps = 180;

void turn_hue(Image& image, double steps) {
  const size_t pixels = static_cast<size_t>(image.width) * image.height, channels = image.channels;
  std::vector<uint8_t> colours(pixels * 3);
  for (size_t i = 0; i < pixels; ++i) std::copy_n(&image.pixels[i * channels], 3, &colours[i * 3]);
  cv::Mat rgb(image.height, image.width, CV_8UC3, colours.data()), hsv;
  cv::cvtColor(rgb, hsv, cv::COLOR_RGB2HSV);
  for (int y = 0; y < hsv.rows; ++y)
    for (int x = 0; x < hsv.cols; ++x) {
      uint8_t& hue = hsv.at<cv::Vec3b>(y, x)[0];
      hue = static_cast<uint8_t>(std::fmod(hue + steps, kHueSteps));
    }
  cv::cvtColor(hsv, rgb, cv::COLOR_HSV2RGB);
  for (size_t i = 0; i < pixels; ++i) std::copy_n(&colours[i * 3], 3, &image.pixels[i * channels]);
}

void change_gamma(Image& image, double gamma) {
  std::array<uint8_t, 256> table;
  for (int i = 0; i < 256; ++i) table[i] = static_cast<uint8_t>(std::lround(std::pow(i / 255.0, gamma) * 255));
  const size_t channels = image.channels;
  for (size_t i = 0; i < image.pixels.size(); i += channels)
    for (size_t c = 0; c < 3; ++c) image.pixels[i + c] = table[image.pixels[i + c]];
}

}  // namespace

void color_augment(Image& image, Rng& rng) {
  constexpr float share = 0.33f;
  constexpr double most_steps = 8;
  if (rng.uniform() > share) return;
  if (rng.uniform() > 0.5f) {
    const double steps = (2 * rng.uniform() - 1) * most_steps;
    turn_hue(image, steps < 0 ? steps + kHueSteps : steps);
  } else {
    change_gamma(image, 0.95 + 0.1 * rng.uniform());
  }
}

}  // namespace rankine
