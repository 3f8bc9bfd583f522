#include "data/resize.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <opencv2/imgproc.hpp>

#include "base/error.h"
#include "base/shortened.h"
#include "data/bicubic_resample.h"
#include "data/pillow_resample.h"

namespace rankine {
namespace {

struct Name {
  std::string_view name;
  Interpolation value;
};
constexpr Name names[] = {
    {"lanczos", Interpolation::lanczos}, {"lanczos4", Interpolation::lanczos},  {"box", Interpolation::box},
    {"area", Interpolation::area},       {"bilinear", Interpolation::bilinear}, {"linear", Interpolation::bilinear},
    {"bicubic", Interpolation::bicubic}, {"cubic", Interpolation::bicubic},     {"nearest", Interpolation::nearest},
};

int opencv_filter(Interpolation interpolation) {
  switch (interpolation) {
    case Interpolation::bilinear:
      return cv::INTER_LINEAR;
    case Interpolation::nearest:
      return cv::INTER_NEAREST_EXACT;
    default:
      return cv::INTER_AREA;
  }
}

Image empty_like(const Image& image, Size size) {
  Image out;
  out.width = size.width;
  out.height = size.height;
  out.channels = image.channels;
  out.pixels.resize(static_cast<size_t>(size.width) * size.height * image.channels);
  return out;
}

Image resize_as_opencv(const Image& image, Size size, Interpolation interpolation) {
  Image out = empty_like(image, size);
  const int type = CV_8UC(image.channels);
  // OpenCV's constructor takes no const pointer; the source is only read.
  const cv::Mat from(image.height, image.width, type, const_cast<uint8_t*>(image.pixels.data()));
  cv::Mat to(size.height, size.width, type, out.pixels.data());
  cv::resize(from, to, to.size(), 0, 0, opencv_filter(interpolation));
  return out;
}

Image resize_as_pillow(const Image& image, Size size, PillowFilter filter) {
  Image out = empty_like(image, {0, 0});
  out.width = size.width;
  out.height = size.height;
  std::vector<uint8_t> pixels = image.pixels;
  if (image.channels == 4) premultiply_alpha(pixels);
  out.pixels = pillow_resample(pixels, image.width, image.height, image.channels, size.width, size.height, filter);
  if (image.channels == 4) unpremultiply_alpha(out.pixels);
  return out;
}

Image resize_bicubic(const Image& image, Size size) {
  return {.width = size.width,
          .height = size.height,
          .channels = image.channels,
          .pixels = bicubic_resample(image.pixels, image.width, image.height, image.channels, size.width, size.height)};
}

}  // namespace

Interpolation interpolation_from(std::string_view name) {
  const auto found = std::ranges::find(names, name, &Name::name);
  check(found != std::end(names),
        "resize_interpolation must be one of lanczos, nearest, bilinear, linear, bicubic, cubic, area, box; got \"",
        shortened(name), "\"");
  return found->value;
}

Image resize(const Image& image, Size size, Interpolation interpolation) {
  check(size.width > 0 && size.height > 0, "a picture cannot be resized to ", size.width, "x", size.height);
  if (image.width == size.width && image.height == size.height) return image;
  if (interpolation == Interpolation::automatic) {
    const bool grows = size.width > image.width || size.height > image.height;
    interpolation = grows ? Interpolation::lanczos : Interpolation::area;
  }
  switch (interpolation) {
    case Interpolation::lanczos:
      return resize_as_pillow(image, size, PillowFilter::lanczos);
    case Interpolation::box:
      return resize_as_pillow(image, size, PillowFilter::box);
    case Interpolation::bicubic:
      return resize_bicubic(image, size);
    default:
      return resize_as_opencv(image, size, interpolation);
  }
}

Image cut(const Image& image, int left, int top, Size size) {
  check(left >= 0 && top >= 0 && left + size.width <= image.width && top + size.height <= image.height, "a picture of ",
        image.width, "x", image.height, " cannot be cut to ", size.width, "x", size.height);
  Image out = empty_like(image, size);
  const size_t row_bytes = static_cast<size_t>(size.width) * image.channels;
  for (int y = 0; y < size.height; ++y) {
    const size_t from = (static_cast<size_t>(top + y) * image.width + left) * image.channels;
    std::memcpy(out.pixels.data() + y * row_bytes, image.pixels.data() + from, row_bytes);
  }
  return out;
}

Image centre_crop(const Image& image, Size size) {
  return cut(image, (image.width - size.width) / 2, (image.height - size.height) / 2, size);
}

Image flip_horizontal(const Image& image) {
  Image out = empty_like(image, {image.width, image.height});
  const size_t pixels = static_cast<size_t>(image.width) * image.height, channels = image.channels;
  const size_t width = image.width;
  for (size_t i = 0; i < pixels; ++i) {
    const size_t row = i / width, column = i % width;
    std::memcpy(&out.pixels[i * channels], &image.pixels[(row * width + width - 1 - column) * channels], channels);
  }
  return out;
}

void to_network_input(const Image& image, bool flipped, float* out) {
  check(image.channels >= 3, "the network's input needs three colour channels, the picture has ", image.channels);
  static const std::array<float, 256> values = [] {
    std::array<float, 256> table;
    for (int i = 0; i < 256; ++i) table[i] = (static_cast<float>(i) / 255.0f - 0.5f) / 0.5f;
    return table;
  }();
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      const int column = flipped ? image.width - 1 - x : x;
      const uint8_t* pixel = &image.pixels[(static_cast<size_t>(y) * image.width + column) * image.channels];
      for (int c = 0; c < 3; ++c) *out++ = values[pixel[c]];
    }
  }
}

}  // namespace rankine
