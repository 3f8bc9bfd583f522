#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace rankine {

/// 8-bit picture [height, width, channels]. Rows have no padding; channels are R, G, B and, with 4 channels, A.
struct Image {
  int width = 0, height = 0, channels = 3;
  std::vector<uint8_t> pixels{};

  bool operator==(const Image&) const = default;
};

struct ImageSize {
  int width = 0, height = 0;
  bool operator==(const ImageSize&) const = default;
};

/// The treatment of transparency.
enum class Alpha {
  keep,     // RGBA if the file has transparency, else RGB
  drop,     // RGB; transparent pixels keep their stored colours
  require,  // RGBA; opaque where the file has no transparency
};

/// Decodes a PNG, JPEG, WebP or BMP file, recognised by its content and not by its name, like Pillow's `convert("RGB")`
/// or `convert("RGBA")`: grey and palette pictures become RGB, 16-bit samples keep their high byte, and the EXIF
/// orientation is ignored. Throws Error that names the file if it is damaged, cut short, or no such picture. `remarks`
/// gets the warnings of the decoding library, which prints none.
Image read_image(const std::string& path, Alpha alpha = Alpha::keep, std::vector<std::string>* remarks = nullptr);

/// Reads width and height from the first bytes of the file, without decoding it.
ImageSize read_image_size(const std::string& path);

/// Keyword and text, as PNG's tEXt chunk (ASCII) or iTXt chunk (other UTF-8).
using PngText = std::pair<std::string, std::string>;

std::vector<uint8_t> encode_png(const Image& image, const std::vector<PngText>& texts = {});
/// Writes the picture atomically.
void write_png(const std::string& path, const Image& image, const std::vector<PngText>& texts = {});
/// The tEXt and uncompressed iTXt chunks of a PNG file, in order.
std::vector<PngText> read_png_texts(const std::string& path);

}  // namespace rankine
