#include <array>
#include <bit>
#include <cstring>

#include "base/error.h"
#include "io/decoders.h"
#include "io/image_bytes.h"

// https://learn.microsoft.com/windows/win32/gdi/bitmap-storage. OpenCV reads OS/2's headers, 16-bit colours and masks
// without alpha in another way than Pillow.
namespace rankine {
namespace {

constexpr uint32_t kPlain = 0, kRunLengths8 = 1, kRunLengths4 = 2, kBitFields = 3;

/// One component of a pixel of 16 or 32 bits.
struct Field {
  uint32_t mask = 0;

  /// The component in 0 ... 255; the rounding is Pillow's.
  uint8_t of(uint32_t pixel) const {
    if (mask == 0) return 0;
    const int shift = std::countr_zero(mask);
    return static_cast<uint8_t>(uint64_t{(pixel & mask) >> shift} * 255 / (mask >> shift));
  }
};

struct Layout {
  int width = 0, height = 0;
  bool from_top = false;
  uint32_t bits = 0, compression = kPlain;
  std::array<Field, 4> fields{};  ///< red, green, blue, alpha; for 16 and 32 bits
  size_t palette_at = 0, color_bytes = 4, colors = 0;
  ImageBytes pixels{};

  bool has_alpha() const { return bits == 32 && fields[3].mask != 0; }
  size_t row_bytes() const { return (static_cast<size_t>(width) * bits + 31) / 32 * 4; }
};

bool is_contiguous(uint32_t mask) {
  const uint32_t shifted = mask == 0 ? 0 : mask >> std::countr_zero(mask);
  return (shifted & (shifted + 1)) == 0;
}

/// Sets the masks of a picture of 16 or 32 bits.
void read_fields(ImageBytes b, uint32_t header, Layout& layout, const std::string& path) {
  if (layout.compression == kPlain) {
    layout.fields = layout.bits == 16 ? std::array<Field, 4>{Field{0x7c00}, {0x3e0}, {0x1f}, {}}
                                      : std::array<Field, 4>{Field{0xff0000}, {0xff00}, {0xff}, {}};
    return;
  }
  const size_t count = header >= 56 ? 4 : 3;  // shorter headers have no mask for alpha
  check(b.size() >= 54 + 4 * count, path, ": the BMP file is cut short: copy or download it again");
  for (size_t i = 0; i < count; ++i) layout.fields[i].mask = little_u32(b, 54 + 4 * i);
  if (layout.bits == 16) layout.fields[3].mask = 0;  // Pillow ignores it too
  const auto& [red, green, blue, alpha] = layout.fields;
  if ((red.mask | green.mask | blue.mask | alpha.mask) == 0)
    layout.fields = {Field{0xff0000}, {0xff00}, {0xff}, {0xff000000}};
  for (const Field& field : layout.fields)
    check(is_contiguous(field.mask), path, ": a BMP with colours in scattered bits: save it as PNG");
}

Layout read_layout(ImageBytes b, const std::string& path) {
  const ImageSize size = image_size_of(b, ImageFormat::bmp, path);
  const uint32_t header = little_u32(b, 14);
  Layout layout{.width = size.width, .height = size.height};
  size_t after_header = 14 + size_t{header};
  if (header == 12) {
    layout.bits = little_u16(b, 24);
    layout.color_bytes = 3;
  } else {
    check(header == 40 || header == 52 || header == 56 || header == 64 || header == 108 || header == 124, path,
          ": a BMP with a header of ", header, " bytes: save it as PNG");
    check(b.size() >= after_header, path, ": the BMP file is cut short: copy or download it again");
    layout.from_top = static_cast<int32_t>(little_u32(b, 22)) < 0;
    layout.bits = little_u16(b, 28);
    layout.compression = little_u32(b, 30);
    layout.colors = little_u32(b, 46);
    if (layout.compression == kBitFields && header == 40) after_header += 12;
  }
  const uint32_t bits = layout.bits, compression = layout.compression;
  check(bits == 1 || bits == 4 || bits == 8 || bits == 16 || bits == 24 || bits == 32, path, ": a BMP of ", bits,
        " bits per pixel: save it as PNG");
  check(compression == kPlain || (compression == kRunLengths8 && bits == 8) ||
            (compression == kRunLengths4 && bits == 4) || (compression == kBitFields && bits >= 16),
        path, ": a BMP of ", bits, " bits per pixel with compression ", compression, ": save it as PNG");
  if (bits == 16 || bits == 32) read_fields(b, header, layout, path);
  if (bits <= 8) {
    if (layout.colors == 0) layout.colors = size_t{1} << bits;
    layout.palette_at = after_header;
    check(layout.colors <= 65536 && after_header + layout.colors * layout.color_bytes <= b.size(), path,
          ": damaged BMP file: it says that it has ", layout.colors, " colours");
  }
  const size_t pixels_at = little_u32(b, 10);
  check(pixels_at >= 26 && pixels_at < b.size(), path, ": damaged BMP file: its pixels begin at byte ", pixels_at);
  layout.pixels = b.subspan(pixels_at);
  return layout;
}

/// One index of a colour per pixel, from top to bottom as stored. Pixels that the runs skip have index 0.
std::vector<uint8_t> unpack_runs(const Layout& layout, const std::string& path) {
  const auto width = static_cast<size_t>(layout.width), height = static_cast<size_t>(layout.height);
  const bool halves = layout.compression == kRunLengths4;
  std::vector<uint8_t> indices(width * height);
  size_t x = 0, y = 0;
  const auto put = [&](uint8_t index) {
    if (x < width && y < height) indices[y * width + x] = index;
    ++x;
  };
  const auto half = [&](uint8_t byte, size_t i) -> uint8_t {
    return !halves ? byte : i % 2 == 0 ? byte >> 4 : byte & 15;
  };
  ImageBytes rest = layout.pixels;
  const auto take = [&](size_t count) {
    check(rest.size() >= count, path, ": the BMP file is cut short: copy or download it again");
    const ImageBytes taken = rest.first(count);
    rest = rest.subspan(count);
    return taken;
  };
  while (y < height) {
    if (rest.empty() && y + 1 == height && x >= width) break;  // the mark of the end is missing
    const ImageBytes pair = take(2);
    const size_t count = pair[0], second = pair[1];
    if (count > 0) {
      for (size_t i = 0; i < count; ++i) put(half(pair[1], i));
    } else if (second == 0) {
      x = 0;
      ++y;
    } else if (second == 1) {
      break;
    } else if (second == 2) {
      const ImageBytes jump = take(2);
      x += jump[0];
      y += jump[1];
    } else {
      const size_t bytes = halves ? (second + 1) / 2 : second;
      const ImageBytes literal = take(bytes + bytes % 2);
      for (size_t i = 0; i < second; ++i) put(half(literal[halves ? i / 2 : i], i));
    }
  }
  return indices;
}

/// Writes one stored row of pixels with a palette.
void paint_indices(const Layout& layout, ImageBytes palette, const auto& index_at, uint8_t* to) {
  for (size_t x = 0; x < static_cast<size_t>(layout.width); ++x, to += 3) {
    const size_t index = index_at(x);
    if (index >= layout.colors) continue;  // black, as in Pillow
    const unsigned char* bgr = palette.data() + index * layout.color_bytes;
    to[0] = bgr[2], to[1] = bgr[1], to[2] = bgr[0];
  }
}

/// Writes one stored row of pixels without a palette.
void paint_colors(const Layout& layout, ImageBytes row, int channels, uint8_t* to) {
  for (size_t x = 0; x < static_cast<size_t>(layout.width); ++x, to += channels) {
    if (layout.bits == 24) {
      to[0] = row[3 * x + 2], to[1] = row[3 * x + 1], to[2] = row[3 * x];
      continue;
    }
    const uint32_t pixel = layout.bits == 16 ? little_u16(row, 2 * x) : little_u32(row, 4 * x);
    for (size_t c = 0; c < static_cast<size_t>(channels); ++c) to[c] = layout.fields[c].of(pixel);
  }
}

}  // namespace

DecodedHeader read_bmp_header(ImageBytes bytes, const std::string& path) {
  return {.has_alpha = read_layout(bytes, path).has_alpha()};
}

Image decode_bmp(ImageBytes bytes, const std::string& path) {
  const Layout layout = read_layout(bytes, path);
  Image image{.width = layout.width, .height = layout.height, .channels = layout.has_alpha() ? 4 : 3};
  const auto width = static_cast<size_t>(image.width), height = static_cast<size_t>(image.height);
  const size_t out_bytes = width * static_cast<size_t>(image.channels), row_bytes = layout.row_bytes();
  const bool has_runs = layout.compression == kRunLengths8 || layout.compression == kRunLengths4;
  const std::vector<uint8_t> indices = has_runs ? unpack_runs(layout, path) : std::vector<uint8_t>();
  check(has_runs || layout.pixels.size() / row_bytes >= height, path,
        ": the BMP file is cut short: copy or download it again");
  const ImageBytes palette =
      layout.bits <= 8 ? bytes.subspan(layout.palette_at, layout.colors * layout.color_bytes) : ImageBytes();
  image.pixels.resize(out_bytes * height);
  for (size_t y = 0; y < height; ++y) {
    uint8_t* to = image.pixels.data() + (layout.from_top ? y : height - 1 - y) * out_bytes;
    if (has_runs) {
      paint_indices(
          layout, palette, [&](size_t x) { return indices[y * width + x]; }, to);
      continue;
    }
    const ImageBytes row = layout.pixels.subspan(y * row_bytes, row_bytes);
    const uint32_t bits = layout.bits;
    if (bits > 8) {
      paint_colors(layout, row, image.channels, to);
      continue;
    }
    const auto index_at = [&](size_t x) { return row[x * bits / 8] >> (8 - bits - x * bits % 8) & ((1u << bits) - 1); };
    paint_indices(layout, palette, index_at, to);
  }
  return image;
}

}  // namespace rankine
