#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "io/image_format.h"

namespace rankine {

/// The facts that a picture file states in its headers.
struct ImageFacts {
  ImageFormat format = ImageFormat::png;
  ImageSize size{};          ///< as stored, before the orientation
  int orientation = 1;       ///< EXIF's tag 0x0112, 1 ... 8; 1 if it is missing
  bool has_alpha = false;    ///< an alpha channel, or a colour that is transparent
  bool is_animated = false;  ///< only the first frame is decoded
  bool is_cmyk = false;
  int bits = 8;                        ///< per sample
  std::vector<std::string> remarks{};  ///< warnings of the decoding library about the headers
};

/// Reads a file's headers and checks that it is whole, as far as its container shows. Throws Error that names the file,
/// as read_image does. A picture that passes may still fail to decode.
ImageFacts read_image_facts(const std::string& path);

/// "PNG", "JPEG", "WebP", "BMP".
std::string_view name_of(ImageFormat format);

/// True if a file of that format may have this suffix, such as ".JPG".
bool is_suffix_of(std::string_view suffix, ImageFormat format);

/// The orientation in EXIF data, which begin with TIFF's header; 1 if it is missing or damaged.
int exif_orientation(ImageBytes exif);

/// Turns the picture by its EXIF orientation; 5 ... 8 swap width and height.
Image oriented(const Image& image, int orientation);

}  // namespace rankine
