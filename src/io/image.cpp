#include "io/image.h"

#include <algorithm>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "base/error.h"
#include "io/image_format.h"
#include "io/mapped_file.h"

namespace rankine {
namespace {

ImageBytes bytes_of(const MappedFile& file) {
  return {reinterpret_cast<const unsigned char*>(file.bytes().data()), file.bytes().size()};
}

cv::Mat decode(ImageBytes bytes, const std::string& path) {
  cv::Mat picture;
  try {
    // OpenCV's interface is not const, but the decoders only read.
    const cv::Mat raw(1, static_cast<int>(bytes.size()), CV_8U, const_cast<unsigned char*>(bytes.data()));
    picture = cv::imdecode(raw, cv::IMREAD_UNCHANGED);  // also: no rotation by EXIF
  } catch (const cv::Exception& error) {
    fail(path, ": the picture cannot be decoded: ", error.err);
  }
  check(!picture.empty(), path, ": the picture is damaged and cannot be decoded");
  return picture;
}

}  // namespace

Image read_image(const std::string& path, Alpha alpha) {
  const MappedFile file(path);
  const ImageBytes bytes = bytes_of(file);
  const ImageFormat format = image_format_of(bytes, path);
  const ImageSize size = image_size_of(bytes, format, path);
  check(bytes.size() < (size_t{1} << 31), path, ": the file is larger than 2 GiB");
  check_image_is_whole(bytes, format, path);

  cv::Mat picture = decode(bytes, path);
  check(picture.cols == size.width && picture.rows == size.height, path, ": the header says ", size.width, " x ",
        size.height, ", but ", picture.cols, " x ", picture.rows, " pixels were decoded");
  if (picture.depth() == CV_16U) {
    cv::Mat high_bytes(picture.size(), CV_8UC(picture.channels()));
    const int samples = picture.cols * picture.channels();
    for (int y = 0; y < picture.rows; ++y) {
      const auto* from = picture.ptr<uint16_t>(y);
      std::transform(from, from + samples, high_bytes.ptr<uint8_t>(y),
                     [](uint16_t sample) { return static_cast<uint8_t>(sample >> 8); });
    }
    picture = high_bytes;
  }
  check(picture.depth() == CV_8U, path, ": samples of 8 or 16 bits were expected");

  Image image{.width = size.width, .height = size.height};
  const bool has_alpha = picture.channels() == 4;
  image.channels = alpha == Alpha::require || (alpha == Alpha::keep && has_alpha) ? 4 : 3;
  image.pixels.resize(static_cast<size_t>(image.width) * static_cast<size_t>(image.height) *
                      static_cast<size_t>(image.channels));
  cv::Mat out(image.height, image.width, CV_8UC(image.channels), image.pixels.data());
  const bool to_rgba = image.channels == 4;
  switch (picture.channels()) {
    case 1:
      cv::cvtColor(picture, out, to_rgba ? cv::COLOR_GRAY2RGBA : cv::COLOR_GRAY2RGB);
      break;
    case 3:
      cv::cvtColor(picture, out, to_rgba ? cv::COLOR_BGR2RGBA : cv::COLOR_BGR2RGB);
      break;
    case 4:
      cv::cvtColor(picture, out, to_rgba ? cv::COLOR_BGRA2RGBA : cv::COLOR_BGRA2RGB);
      break;
    default:
      fail(path, ": ", picture.channels(), " channels, expected 1, 3 or 4");
  }
  return image;
}

ImageSize read_image_size(const std::string& path) {
  const MappedFile file(path);
  const ImageBytes bytes = bytes_of(file);
  return image_size_of(bytes, image_format_of(bytes, path), path);
}

}  // namespace rankine
