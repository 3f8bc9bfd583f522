#include "io/image_facts.h"

#include <algorithm>
#include <cctype>
#include <cstring>

#include "base/error.h"
#include "io/decoders.h"
#include "io/image_bytes.h"
#include "io/mapped_file.h"

namespace rankine {
namespace {

constexpr std::string_view kExifMark{"Exif\0\0", 6};

// The functions below get files that check_image_is_whole has accepted.

// https://www.w3.org/TR/png-3/#11Chunks
void look_at_png(ImageBytes b, ImageFacts& facts) {
  for (size_t at = 8; !starts_with(b, "IEND", at + 4); at += 12 + big_u32(b, at)) {
    if (starts_with(b, "acTL", at + 4)) facts.is_animated = true;
    if (starts_with(b, "eXIf", at + 4)) facts.orientation = exif_orientation(b.subspan(at + 8, big_u32(b, at)));
  }
}

// https://www.w3.org/Graphics/JPEG/itu-t81.pdf, B.1.1; EXIF 2.32, 4.5.4
void look_at_jpeg(ImageBytes b, ImageFacts& facts) {
  for (size_t at = 2; at + 4 <= b.size();) {
    const unsigned marker = b[at + 1];
    if (b[at] != 0xff || marker == 0x00 || marker == 0xff) {
      ++at;
      continue;
    }
    at += 2;
    if ((marker >= 0xd0 && marker <= 0xd8) || marker == 0x01) continue;  // markers without a length
    if (marker == 0xd9 || marker == 0xda) return;                        // the pixels begin here
    const size_t length = big_u16(b, at);
    if (marker == 0xe1 && length > 8 && starts_with(b, kExifMark, at + 2)) {
      facts.orientation = exif_orientation(b.subspan(at + 8, length - 8));
    }
    at += length;
  }
}

// https://developers.google.com/speed/webp/docs/riff_container
void look_at_webp(ImageBytes b, ImageFacts& facts) {
  if (starts_with(b, "VP8L", 12)) facts.has_alpha = (little_u32(b, 21) >> 28 & 1) != 0;
  if (!starts_with(b, "VP8X", 12)) return;
  facts.has_alpha = (b[20] & 0x10) != 0;
  for (size_t at = 12; at + 8 <= b.size();) {
    const size_t length = little_u32(b, at + 4);
    if (length > b.size() - at - 8) return;
    if (starts_with(b, "ALPH", at)) facts.has_alpha = true;
    // A lossless picture says itself whether it has alpha; libwebp believes it more than the header.
    if (starts_with(b, "VP8L", at) && length >= 5) facts.has_alpha = (little_u32(b, at + 9) >> 28 & 1) != 0;
    if (starts_with(b, "EXIF", at)) {
      ImageBytes exif = b.subspan(at + 8, length);
      if (starts_with(exif, kExifMark)) exif = exif.subspan(kExifMark.size());  // some programs keep JPEG's mark
      facts.orientation = exif_orientation(exif);
    }
    at += 8 + length + length % 2;
  }
}

/// Takes the facts that decide how a file is decoded from its decoder, so that facts and pixels agree.
void take_header(const DecodedHeader& header, ImageFacts& facts) {
  facts.bits = header.bits;
  facts.has_alpha = header.has_alpha;
  facts.is_cmyk = header.is_cmyk;
}

}  // namespace

ImageFacts read_image_facts(const std::string& path) {
  const MappedFile file(path);
  const ImageBytes bytes{reinterpret_cast<const unsigned char*>(file.bytes().data()), file.bytes().size()};
  ImageFacts facts;
  facts.format = image_format_of(bytes, path);
  facts.size = image_size_of(bytes, facts.format, path);
  check_image_is_whole(bytes, facts.format, path);
  switch (facts.format) {
    case ImageFormat::png:
      take_header(read_png_header(bytes, path, facts.remarks), facts);
      look_at_png(bytes, facts);
      break;
    case ImageFormat::jpeg:
      take_header(read_jpeg_header(bytes, path, facts.remarks), facts);
      look_at_jpeg(bytes, facts);
      break;
    case ImageFormat::webp:
      look_at_webp(bytes, facts);
      break;
    case ImageFormat::bmp:
      take_header(read_bmp_header(bytes, path), facts);
      break;
  }
  return facts;
}

std::string_view name_of(ImageFormat format) {
  constexpr std::string_view names[] = {"PNG", "JPEG", "WebP", "BMP"};
  return names[static_cast<size_t>(format)];
}

bool is_suffix_of(std::string_view suffix, ImageFormat format) {
  std::string lower(suffix);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  switch (format) {
    case ImageFormat::png:
      return lower == ".png";
    case ImageFormat::jpeg:
      return lower == ".jpg" || lower == ".jpeg";
    case ImageFormat::webp:
      return lower == ".webp";
    case ImageFormat::bmp:
      return lower == ".bmp";
  }
  return false;
}

// https://www.cipa.jp/std/documents/e/DC-X008-Translation-2019-E.pdf, 4.6
int exif_orientation(ImageBytes exif) {
  const bool little = starts_with(exif, std::string_view("II*\0", 4));
  if (exif.size() < 8 || (!little && !starts_with(exif, std::string_view("MM\0*", 4)))) return 1;
  const auto u16 = [&](size_t at) { return little ? little_u16(exif, at) : big_u16(exif, at); };
  const size_t directory = little ? little_u32(exif, 4) : big_u32(exif, 4);
  if (directory > exif.size() || exif.size() - directory < 2) return 1;
  const size_t entries = u16(directory);
  for (size_t i = 0, at = directory + 2; i < entries && at + 12 <= exif.size(); ++i, at += 12) {
    if (u16(at) != 0x0112) continue;
    const uint32_t value = u16(at + 8);
    return u16(at + 2) == 3 && value >= 1 && value <= 8 ? static_cast<int>(value) : 1;  // 3: a 16-bit number
  }
  return 1;
}

Image oriented(const Image& image, int orientation) {
  check(orientation >= 1 && orientation <= 8, "an EXIF orientation is 1 to 8, got ", orientation);
  if (orientation == 1) return image;
  // Row 0 and column 0 of the stored picture are seen at: 2 top, right; 3 bottom, right; 4 bottom, left; 5 left, top;
  // 6 right, top; 7 right, bottom; 8 left, bottom.
  const bool swaps = orientation >= 5;
  const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Image out{.width = swaps ? image.height : image.width,
            .height = swaps ? image.width : image.height,
            .channels = image.channels};
  out.pixels.resize(image.pixels.size());
  const auto channels = static_cast<size_t>(image.channels);
  uint8_t* to = out.pixels.data();
  for (int y = 0; y < out.height; ++y)
    for (int x = 0; x < out.width; ++x, to += channels) {
      const int across = swaps ? y : x, down = swaps ? x : y;
      const int column = from_right ? image.width - 1 - across : across;
      const int row = from_bottom ? image.height - 1 - down : down;
      std::memcpy(to, &image.pixels[(static_cast<size_t>(row) * image.width + column) * channels], channels);
    }
  return out;
}

}  // namespace rankine
