#pragma once
#include <zlib.h>

#include <opencv2/imgcodecs.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "io/image.h"

/// Picture files made from nothing, sound and broken.
namespace rankine {

inline std::string big_u32(size_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
  return out;
}

inline std::string chunk(const std::string& type, const std::string& content) {
  const std::string checked = type + content;
  const auto crc = ::crc32(0, reinterpret_cast<const Bytef*>(checked.data()), static_cast<uInt>(checked.size()));
  return big_u32(content.size()) + checked + big_u32(crc);
}

/// A PNG file of the given pixel format; `rows` holds each row with its filter byte before it.
inline std::string png_of(size_t width, size_t height, int bits, int color_type, const std::string& rows,
                          const std::string& extra_chunks = {}) {
  std::string packed(::compressBound(rows.size()), '\0');
  uLongf size = packed.size();
  ::compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(rows.data()), rows.size());
  packed.resize(size);
  const std::string header =
      big_u32(width) + big_u32(height) + static_cast<char>(bits) + static_cast<char>(color_type) + std::string(3, '\0');
  return "\x89PNG\r\n\x1a\n" + chunk("IHDR", header) + extra_chunks + chunk("IDAT", packed) + chunk("IEND", "");
}

inline Image gradient_picture(int width, int height, int channels) {
  Image image{.width = width, .height = height, .channels = channels};
  for (int i = 0; i < width * height * channels; ++i) image.pixels.push_back(static_cast<uint8_t>(i * 7));
  return image;
}

inline std::string encoded(const Image& image, const char* extension) {
  const cv::Mat mat(image.height, image.width, CV_8UC(image.channels), const_cast<uint8_t*>(image.pixels.data()));
  std::vector<uint8_t> bytes;
  cv::imencode(extension, mat, bytes);
  return {bytes.begin(), bytes.end()};
}

/// EXIF data of a big or little endian program: one entry, the orientation.
inline std::string exif_of(int orientation, bool little = true) {
  using namespace std::string_literals;
  const std::string value(1, static_cast<char>(orientation));
  if (little) return "II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"s + value + "\0\0\0\0\0\0\0"s;
  return "MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0"s + value + "\0\0\0\0\0\0"s;
}

inline std::string little_u32(size_t value) {
  const std::string big = big_u32(value);
  return {big.rbegin(), big.rend()};
}

inline std::string webp_chunk(const std::string& type, const std::string& content) {
  return type + little_u32(content.size()) + content + std::string(content.size() % 2, '\0');
}

/// A WebP file in the extended format around the pixels of a simple one of the given size.
inline std::string extended_webp(const std::string& simple, int flags, size_t width, size_t height,
                                 const std::string& more_chunks) {
  const std::string header = std::string(1, static_cast<char>(flags)) + std::string(3, '\0') +
                             little_u32(width - 1).substr(0, 3) + little_u32(height - 1).substr(0, 3);
  const std::string content = "WEBP" + webp_chunk("VP8X", header) + simple.substr(12) + more_chunks;
  return "RIFF" + little_u32(content.size()) + content;
}

/// The same JPEG or PNG file with EXIF data.
inline std::string with_exif(std::string file, int orientation, bool little = true) {
  using namespace std::string_literals;
  if (file.starts_with("\x89PNG")) return file.insert(33, chunk("eXIf", exif_of(orientation, little)));
  const std::string content = "Exif\0\0"s + exif_of(orientation, little);
  return file.insert(2, "\xff\xe1"s + big_u32(content.size() + 2).substr(2) + content);
}

/// An 8x8 JPEG of four components with Adobe's mark, as Pillow writes a CMYK picture of the one colour (10, 200, 30,
/// 40).
inline std::string cmyk_jpeg() {
  const std::string hex =
      "ffd8ffee000e41646f626500640000000000ffdb0043001b12141714111b1716171e1c1b2028422b28252528513a3d304260"
      "5565645f555d5b6a7899816a7190735b5d85b586909ea3abadab6780bcc9baa6c799a8aba4ffc00014080008000804431100"
      "4d11005911004b1100ffc4001500010100000000000000000000000000000506ffc400141001000000000000000000000000"
      "00000000ffda000e0443004d0059004b00003f00a31274d3ffd9";
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

}  // namespace rankine
