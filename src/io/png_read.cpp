#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstring>

#include "base/error.h"
#include "io/decoders.h"

namespace rankine {
namespace {

/// libpng's state for one file. libpng reports an error by a jump, so the steps that call it own no object with a
/// destructor.
class PngDecoder {
 public:
  PngDecoder(ImageBytes bytes, DecoderRemarks& remarks)
      : rest_(bytes),
        remarks_(remarks),
        png_(png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning)),
        info_(png_ ? png_create_info_struct(png_) : nullptr) {
    if (!info_) png_destroy_read_struct(&png_, nullptr, nullptr);
    check(info_ != nullptr, "libpng has no memory");
    png_set_read_fn(png_, this, read);
    png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);  // image_size_of limits the pixels instead
  }
  ~PngDecoder() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngDecoder(const PngDecoder&) = delete;
  PngDecoder& operator=(const PngDecoder&) = delete;

  /// Calls a step. Returns false after an error, which `error` then holds.
  bool run(void (*step)(PngDecoder&)) {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;  // NOLINT: libpng's way
    step(*this);
    return true;
  }

  png_structp png() const { return png_; }
  png_infop info() const { return info_; }
  const std::string& error() const { return error_; }
  bool has_alpha() const {
    return (png_get_color_type(png_, info_) & PNG_COLOR_MASK_ALPHA) != 0 ||
           png_get_valid(png_, info_, PNG_INFO_tRNS) != 0;
  }

  std::vector<png_bytep> rows{};

 private:
  static PngDecoder& of(png_structp png) { return *static_cast<PngDecoder*>(png_get_error_ptr(png)); }
  static void on_error(png_structp png, png_const_charp text) {
    of(png).error_ = text;
    png_longjmp(png, 1);
  }
  static void on_warning(png_structp png, png_const_charp text) { add_remark(of(png).remarks_, text); }
  static void read(png_structp png, png_bytep to, size_t count) {
    ImageBytes& rest = static_cast<PngDecoder*>(png_get_io_ptr(png))->rest_;
    if (count > rest.size()) png_error(png, "the file ends too early");
    std::memcpy(to, rest.data(), count);
    rest = rest.subspan(count);
  }

  ImageBytes rest_;
  DecoderRemarks& remarks_;
  std::string error_{};
  png_structp png_;
  png_infop info_;
};

/// Texts are left out: libpng refuses those above 8 MB, which programs that store their workflow write.
void read_info(PngDecoder& d) {
  static constexpr png_byte texts[] = "tEXt\0zTXt\0iTXt";
  png_set_keep_unknown_chunks(d.png(), PNG_HANDLE_CHUNK_NEVER, texts, 3);
  png_read_info(d.png(), d.info());
}

/// Asks for 8-bit RGB or RGBA. Without a call that sets a gamma, libpng ignores the file's.
void choose_rgb(PngDecoder& d) {
  png_set_strip_16(d.png());
  png_set_expand(d.png());
  png_set_gray_to_rgb(d.png());
  png_set_interlace_handling(d.png());
  png_read_update_info(d.png(), d.info());
}

void read_pixels(PngDecoder& d) {
  png_read_image(d.png(), d.rows.data());
  png_read_end(d.png(), nullptr);
}

void run(PngDecoder& decoder, void (*step)(PngDecoder&), const std::string& path) {
  check(decoder.run(step), path, ": the picture is damaged and cannot be decoded: libpng says: ", decoder.error());
}

}  // namespace

void add_remark(DecoderRemarks& remarks, const std::string& text) {
  if (std::ranges::find(remarks, text) == remarks.end()) remarks.push_back(text);
}

DecodedHeader read_png_header(ImageBytes bytes, const std::string& path, DecoderRemarks& remarks) {
  PngDecoder decoder(bytes, remarks);
  run(decoder, read_info, path);
  return {.bits = png_get_bit_depth(decoder.png(), decoder.info()), .has_alpha = decoder.has_alpha()};
}

Image decode_png(ImageBytes bytes, const std::string& path, DecoderRemarks& remarks) {
  PngDecoder decoder(bytes, remarks);
  run(decoder, read_info, path);
  run(decoder, choose_rgb, path);
  Image image{.width = static_cast<int>(png_get_image_width(decoder.png(), decoder.info())),
              .height = static_cast<int>(png_get_image_height(decoder.png(), decoder.info())),
              .channels = png_get_channels(decoder.png(), decoder.info())};
  const size_t row_bytes = png_get_rowbytes(decoder.png(), decoder.info());
  check(row_bytes == static_cast<size_t>(image.width) * static_cast<size_t>(image.channels), path,
        ": libpng gives rows of ", row_bytes, " bytes");
  image.pixels.resize(row_bytes * static_cast<size_t>(image.height));
  for (size_t y = 0; y < static_cast<size_t>(image.height); ++y)
    decoder.rows.push_back(image.pixels.data() + y * row_bytes);
  run(decoder, read_pixels, path);
  return image;
}

}  // namespace rankine
