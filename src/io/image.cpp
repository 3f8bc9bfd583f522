#include "io/image.h"

#include <algorithm>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "base/error.h"
#include "io/decoders.h"
#include "io/image_format.h"
#include "io/mapped_file.h"

namespace rankine {
namespace {

ImageBytes bytes_of(const MappedFile& file) {
  return {reinterpret_cast<const unsigned char*>(file.bytes().data()), file.bytes().size()};
}

Image decode_webp(ImageBytes bytes, const std::string& path) {
  cv::Mat picture;
  try {
    // OpenCV's interface is not const, but the decoders only read.
    const cv::Mat raw(1, static_cast<int>(bytes.size()), CV_8U, const_cast<unsigned char*>(bytes.data()));
    picture = cv::imdecode(raw, cv::IMREAD_UNCHANGED);  // also: no rotation by EXIF
  } catch (const cv::Exception& error) {
    fail(path, ": the picture cannot be decoded: ", error.err);
  }
  check(!picture.empty(), path, ": the picture is damaged and cannot be decoded");
  check(picture.depth() == CV_8U, path, ": samples of 8 bits were expected");
  Image image{.width = picture.cols, .height = picture.rows, .channels = picture.channels() == 4 ? 4 : 3};
  image.pixels.resize(picture.total() * static_cast<size_t>(image.channels));
  cv::Mat out(image.height, image.width, CV_8UC(image.channels), image.pixels.data());
  check(picture.channels() == image.channels, path, ": ", picture.channels(), " channels, expected 3 or 4");
  cv::cvtColor(picture, out, image.channels == 4 ? cv::COLOR_BGRA2RGBA : cv::COLOR_BGR2RGB);
  return image;
}

Image decode(ImageBytes bytes, ImageFormat format, const std::string& path, DecoderRemarks& remarks) {
  switch (format) {
    case ImageFormat::png:
      return decode_png(bytes, path, remarks);
    case ImageFormat::jpeg:
      return decode_jpeg(bytes, path, remarks);
    case ImageFormat::bmp:
      return decode_bmp(bytes, path);
    case ImageFormat::webp:
      return decode_webp(bytes, path);
  }
  fail(path, ": a picture of unknown format");
}

/// Drops the alpha of RGBA, or gives RGB an opaque one.
Image with_channels(Image image, int channels) {
  if (image.channels == channels) return image;
  Image out{.width = image.width, .height = image.height, .channels = channels};
  const size_t count = image.pixels.size() / static_cast<size_t>(image.channels);
  out.pixels.resize(count * static_cast<size_t>(channels));
  const uint8_t* from = image.pixels.data();
  uint8_t* to = out.pixels.data();
  for (size_t i = 0; i < count; ++i, from += image.channels, to += channels) {
    std::copy_n(from, 3, to);
    if (channels == 4) to[3] = 255;
  }
  return out;
}

}  // namespace

Image read_image(const std::string& path, Alpha alpha, std::vector<std::string>* remarks) {
  const MappedFile file(path);
  const ImageBytes bytes = bytes_of(file);
  const ImageFormat format = image_format_of(bytes, path);
  const ImageSize size = image_size_of(bytes, format, path);
  check(bytes.size() < (size_t{1} << 31), path, ": the file is larger than 2 GiB");
  check_image_is_whole(bytes, format, path);

  DecoderRemarks said;
  Image image = decode(bytes, format, path, said);
  check(image.width == size.width && image.height == size.height, path, ": the header says ", size.width, " x ",
        size.height, ", but ", image.width, " x ", image.height, " pixels were decoded");
  if (remarks) *remarks = std::move(said);
  if (alpha == Alpha::keep) return image;
  return with_channels(std::move(image), alpha == Alpha::drop ? 3 : 4);
}

ImageSize read_image_size(const std::string& path) {
  const MappedFile file(path);
  const ImageBytes bytes = bytes_of(file);
  return image_size_of(bytes, image_format_of(bytes, path), path);
}

}  // namespace rankine
