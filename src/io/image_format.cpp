#include "io/image_format.h"

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "io/image_bytes.h"

namespace rankine {
namespace {

[[noreturn]] void cut_short(const std::string& path, const char* format) {
  fail(path, ": the ", format, " file is cut short: copy or download it again");
}

struct Size64 {
  int64_t width, height;
};

Size64 png_size(ImageBytes b, const std::string& path) {
  if (b.size() < 33) cut_short(path, "PNG");
  check(starts_with(b, "IHDR", 12), path, ": damaged PNG file: it does not start with its header chunk");
  return {big_u32(b, 16), big_u32(b, 20)};
}

// Walks the segments of a JPEG file and calls visit(marker, position of the segment's length) until it returns false.
// The whole segment follows each position.
template <class Visit>
void walk_jpeg(ImageBytes b, const std::string& path, Visit visit) {
  size_t at = 2;
  while (true) {
    // Outside entropy-coded data a marker must follow. Padding FFs before it are allowed, stray bytes are skipped.
    while (at + 1 < b.size() && !(b[at] == 0xff && b[at + 1] != 0x00 && b[at + 1] != 0xff)) ++at;
    if (at + 1 >= b.size()) cut_short(path, "JPEG");
    const unsigned marker = b[at + 1];
    at += 2;
    if (marker == 0xd9) {
      visit(marker, at);
      return;
    }
    if ((marker >= 0xd0 && marker <= 0xd8) || marker == 0x01) continue;  // markers without a length
    if (at + 2 > b.size()) cut_short(path, "JPEG");
    const size_t length = big_u16(b, at);
    check(length >= 2, path, ": damaged JPEG file: a segment of impossible length at byte ", at);
    if (at + length > b.size()) cut_short(path, "JPEG");
    if (!visit(marker, at)) return;
    at += length;
  }
}

Size64 jpeg_size(ImageBytes b, const std::string& path) {
  Size64 size{0, 0};
  bool found = false;
  walk_jpeg(b, path, [&](unsigned marker, size_t at) {
    if (!is_jpeg_frame(marker)) return true;
    check(big_u16(b, at) >= 8, path, ": damaged JPEG file: its frame header is too short");
    size = {big_u16(b, at + 5), big_u16(b, at + 3)};
    found = true;
    return false;
  });
  check(found, path, ": damaged JPEG file: it has no frame header");
  return size;
}

// https://developers.google.com/speed/webp/docs/riff_container
Size64 webp_size(ImageBytes b, const std::string& path) {
  if (b.size() < 30) cut_short(path, "WebP");
  if (starts_with(b, "VP8X", 12)) return {little_u24(b, 24) + int64_t{1}, little_u24(b, 27) + int64_t{1}};
  if (starts_with(b, "VP8L", 12)) {
    check(b[20] == 0x2f, path, ": damaged WebP file: no lossless signature");
    const uint32_t bits = little_u32(b, 21);
    return {(bits & 0x3fff) + int64_t{1}, (bits >> 14 & 0x3fff) + int64_t{1}};
  }
  check(starts_with(b, "VP8 ", 12) && starts_with(b, "\x9d\x01\x2a", 23), path,
        ": damaged WebP file: unknown first chunk");
  return {little_u16(b, 26) & 0x3fff, little_u16(b, 28) & 0x3fff};
}

Size64 bmp_size(ImageBytes b, const std::string& path) {
  if (b.size() < 26) cut_short(path, "BMP");
  if (little_u32(b, 14) == 12) return {little_u16(b, 18), little_u16(b, 20)};  // OS/2
  const auto width = static_cast<int32_t>(little_u32(b, 18)), height = static_cast<int32_t>(little_u32(b, 22));
  return {width, height < 0 ? -int64_t{height} : height};  // negative: stored from the top
}

void check_png(ImageBytes b, const std::string& path) {
  for (size_t at = 8;;) {
    if (b.size() - at < 12) cut_short(path, "PNG");
    const size_t length = big_u32(b, at);
    if (b.size() - at - 12 < length) cut_short(path, "PNG");
    const auto crc = ::crc32(0, b.data() + at + 4, static_cast<uInt>(length + 4));
    const std::string_view type(reinterpret_cast<const char*>(b.data()) + at + 4, 4);
    check(crc == big_u32(b, at + 8 + length), path, ": damaged PNG file: the checksum of its chunk at byte ", at,
          " is wrong: copy or download it again");
    if (type == "IEND") return;
    at += 12 + length;
  }
}

void check_webp(ImageBytes b, const std::string& path) {
  if (b.size() - 8 < little_u32(b, 4)) cut_short(path, "WebP");
  check(!starts_with(b, "VP8X", 12) || (b[20] & 0x02) == 0, path,
        ": an animated WebP: save the frame to train on as a still picture");
}

void check_bmp(ImageBytes b, const std::string& path) {
  const Size64 size = bmp_size(b, path);
  const uint64_t pixels_at = little_u32(b, 10);
  if (little_u32(b, 14) == 12 || b.size() < 34) {
    if (pixels_at >= b.size()) cut_short(path, "BMP");
    return;
  }
  const uint64_t bits = little_u16(b, 28), compression = little_u32(b, 30);
  const bool plain = compression == 0 || compression == 3;  // rows of known length; the decoder checks run lengths
  const uint64_t row_bytes = (static_cast<uint64_t>(size.width) * bits + 31) / 32 * 4;
  const uint64_t needed = plain ? row_bytes * static_cast<uint64_t>(size.height) : 1;
  if (pixels_at > b.size() || b.size() - pixels_at < needed) cut_short(path, "BMP");
}

/// Other kinds of files that may have a picture's name.
struct Stranger {
  std::string_view magic;
  size_t at;
  std::string_view is;
};
constexpr Stranger strangers[] = {
    {"GIF8", 0, "a GIF: convert it"},
    {{"II*\0", 4}, 0, "a TIFF picture: convert it"},
    {{"MM\0*", 4}, 0, "a TIFF picture: convert it"},
    {"ftypavif", 4, "an AVIF picture: convert it"},
    {"ftyphei", 4, "a HEIC picture, as phones make them: convert it"},
    {"ftypmif1", 4, "a HEIF picture, as phones make them: convert it"},
    {"\xff\x0a", 0, "a JPEG XL picture: convert it"},
    {"JXL ", 4, "a JPEG XL picture: convert it"},
    {"8BPS", 0, "a Photoshop file: export it as PNG"},
    {"%PDF", 0, "a PDF document"},
    {"PK\x03\x04", 0, "a ZIP archive: unpack it"},
    {{"\0\x05\x16\x07", 4}, 0, "data that macOS keeps beside a picture, not the picture: copy the file without \"._\""},
    {"version https://git-lfs", 0, "a pointer to a picture in Git LFS: fetch it with git lfs pull"},
    {"<svg", 0, "an SVG drawing: export it as PNG"},
    {"<!", 0, "a web page, perhaps of a failed download: download the picture again"},
    {"<html", 0, "a web page, perhaps of a failed download: download the picture again"},
};

std::string description_of_stranger(ImageBytes b) {
  for (const Stranger& s : strangers)
    if (starts_with(b, s.magic, s.at)) return concat_text(": it is ", s.is);
  const ImageBytes first = b.first(std::min<size_t>(b.size(), 512));
  if (std::ranges::all_of(first, [](unsigned char c) { return c == 0; }))
    return ": it holds zeros, perhaps after a crash: copy or download it again";
  const auto is_text = [](unsigned char c) { return c >= ' ' || c == '\n' || c == '\r' || c == '\t'; };
  return std::ranges::all_of(first, is_text) ? ": it is a text" : "";
}

}  // namespace

ImageFormat image_format_of(ImageBytes bytes, const std::string& path) {
  check(!bytes.empty(), path, ": the file is empty");
  if (starts_with(bytes, "\x89PNG\r\n\x1a\n")) return ImageFormat::png;
  if (starts_with(bytes, "\xff\xd8\xff")) return ImageFormat::jpeg;
  if (starts_with(bytes, "RIFF") && starts_with(bytes, "WEBP", 8)) return ImageFormat::webp;
  if (starts_with(bytes, "BM")) return ImageFormat::bmp;
  fail(path, ": not a PNG, JPEG, WebP or BMP picture", description_of_stranger(bytes));
}

ImageSize image_size_of(ImageBytes bytes, ImageFormat format, const std::string& path) {
  Size64 size{};
  switch (format) {
    case ImageFormat::png:
      size = png_size(bytes, path);
      break;
    case ImageFormat::jpeg:
      size = jpeg_size(bytes, path);
      break;
    case ImageFormat::webp:
      size = webp_size(bytes, path);
      break;
    case ImageFormat::bmp:
      size = bmp_size(bytes, path);
      break;
  }
  // Pillow's limit against decompression bombs, known to users of sd-scripts: twice 1 GiB / 4 / 3 pixels.
  constexpr int64_t max_pixels = 178'956'970;
  check(size.width > 0 && size.height > 0 && size.width <= max_pixels / size.height, path, ": the picture says it is ",
        size.width, " x ", size.height, ", expected 1 ... ", max_pixels, " pixels");
  return {static_cast<int>(size.width), static_cast<int>(size.height)};
}

void check_image_is_whole(ImageBytes bytes, ImageFormat format, const std::string& path) {
  switch (format) {
    case ImageFormat::png:
      return check_png(bytes, path);
    case ImageFormat::jpeg:
      return walk_jpeg(bytes, path, [](unsigned, size_t) { return true; });
    case ImageFormat::webp:
      return check_webp(bytes, path);
    case ImageFormat::bmp:
      return check_bmp(bytes, path);
  }
}

}  // namespace rankine
