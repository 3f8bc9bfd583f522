#pragma once
#include <string>
#include <string_view>

#include "io/image_format.h"

namespace rankine {

/// What a picture file says about itself without being decoded.
struct ImageFacts {
  ImageFormat format = ImageFormat::png;
  ImageSize size{};          ///< as stored, before the orientation
  int orientation = 1;       ///< EXIF's tag 0x0112, 1 ... 8; 1 also where there is none
  bool has_alpha = false;    ///< an alpha channel, or a colour that is transparent
  bool is_animated = false;  ///< only the first frame is decoded
  bool is_cmyk = false;
  int bits = 8;  ///< of a sample
};

/// Reads a file's headers and checks that it is whole, as far as its container can tell. Throws Error naming the file
/// as read_image does; a picture that passes may still fail to decode.
ImageFacts read_image_facts(const std::string& path);

/// "PNG", "JPEG", "WebP", "BMP".
std::string_view name_of(ImageFormat format);

/// Whether a file of that format may have this suffix, such as ".JPG".
bool is_suffix_of(std::string_view suffix, ImageFormat format);

/// The orientation in EXIF data, which begin with TIFF's header; 1 where it is missing or damaged.
int exif_orientation(ImageBytes exif);

/// The picture as EXIF's orientation says it is to be seen; 5 ... 8 swap width and height.
Image oriented(const Image& image, int orientation);

}  // namespace rankine
