#include <jpeglib.h>
#include <csetjmp>
#include <cstdio>  // jpeglib.h uses FILE

#include <algorithm>
#include <array>

#include "base/error.h"
#include "io/decoders.h"

namespace rankine {
namespace {

/// libjpeg's state for one file. libjpeg reports an error by a function that must not return, so the steps that call
/// it own no object with a destructor.
class JpegDecoder {
 public:
  JpegDecoder(ImageBytes bytes, DecoderRemarks& remarks) : bytes_(bytes), remarks_(remarks) {
    jpeg.err = jpeg_std_error(&manager_);
    jpeg.client_data = this;
    manager_.error_exit = on_error;
    manager_.emit_message = on_message;
    manager_.output_message = [](j_common_ptr) {};
  }
  ~JpegDecoder() { jpeg_destroy_decompress(&jpeg); }
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;

  /// Calls a step. Returns false after an error, which `error` then holds.
  bool run(void (*step)(JpegDecoder&)) {
    if (setjmp(back_) != 0) return false;  // NOLINT: libjpeg's way
    step(*this);
    return true;
  }

  ImageBytes bytes() const { return bytes_; }
  const std::string& error() const { return error_; }

  jpeg_decompress_struct jpeg{};
  uint8_t* pixels = nullptr;  ///< where the rows go
  size_t row_bytes = 0;

 private:
  static JpegDecoder& of(j_common_ptr jpeg) { return *static_cast<JpegDecoder*>(jpeg->client_data); }
  static std::string text_of(j_common_ptr jpeg) {
    std::array<char, JMSG_LENGTH_MAX> text{};
    jpeg->err->format_message(jpeg, text.data());
    return text.data();
  }
  static void on_error(j_common_ptr jpeg) {
    JpegDecoder& decoder = of(jpeg);
    decoder.error_ = text_of(jpeg);
    std::longjmp(decoder.back_, 1);
  }
  /// Levels below 0 are warnings, others trace the decoder's work.
  static void on_message(j_common_ptr jpeg, int level) {
    if (level >= 0) return;
    ++jpeg->err->num_warnings;
    if (of(jpeg).remarks_.size() < 8) add_remark(of(jpeg).remarks_, text_of(jpeg));
  }

  ImageBytes bytes_;
  DecoderRemarks& remarks_;
  std::string error_{};
  jpeg_error_mgr manager_{};
  std::jmp_buf back_{};
};

void read_header(JpegDecoder& d) {
  jpeg_create_decompress(&d.jpeg);
  jpeg_mem_src(&d.jpeg, d.bytes().data(), d.bytes().size());
  jpeg_read_header(&d.jpeg, TRUE);
}

void start(JpegDecoder& d) {
  d.jpeg.out_color_space = d.jpeg.num_components == 4 ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(&d.jpeg);
}

void read_rows(JpegDecoder& d) {
  while (d.jpeg.output_scanline < d.jpeg.output_height) {
    JSAMPROW row = d.pixels + d.jpeg.output_scanline * d.row_bytes;
    jpeg_read_scanlines(&d.jpeg, &row, 1);
  }
  jpeg_finish_decompress(&d.jpeg);
}

void run(JpegDecoder& decoder, void (*step)(JpegDecoder&), const std::string& path) {
  check(decoder.run(step), path, ": the picture is damaged and cannot be decoded: libjpeg says: ", decoder.error());
}

/// Files hold CMYK inverted, as Adobe's programs write it; Pillow assumes that of all. The rounding is Pillow's.
std::vector<uint8_t> rgb_from_inverted_cmyk(const std::vector<uint8_t>& cmyk) {
  std::vector<uint8_t> rgb(cmyk.size() / 4 * 3);
  uint8_t* to = rgb.data();
  for (size_t at = 0; at < cmyk.size(); at += 4) {
    const int white = cmyk[at + 3];
    for (size_t c = 0; c < 3; ++c) {
      const int product = (255 - cmyk[at + c]) * white + 128;
      *to++ = static_cast<uint8_t>(std::max(0, white - (((product >> 8) + product) >> 8)));
    }
  }
  return rgb;
}

}  // namespace

DecodedHeader read_jpeg_header(ImageBytes bytes, const std::string& path, DecoderRemarks& remarks) {
  JpegDecoder decoder(bytes, remarks);
  run(decoder, read_header, path);
  return {.bits = decoder.jpeg.data_precision, .is_cmyk = decoder.jpeg.num_components == 4};
}

Image decode_jpeg(ImageBytes bytes, const std::string& path, DecoderRemarks& remarks) {
  JpegDecoder decoder(bytes, remarks);
  run(decoder, read_header, path);
  run(decoder, start, path);
  Image image{.width = static_cast<int>(decoder.jpeg.output_width),
              .height = static_cast<int>(decoder.jpeg.output_height)};
  decoder.row_bytes = static_cast<size_t>(image.width) * static_cast<size_t>(decoder.jpeg.output_components);
  image.pixels.resize(decoder.row_bytes * static_cast<size_t>(image.height));
  decoder.pixels = image.pixels.data();
  const bool is_cmyk = decoder.jpeg.output_components == 4;
  run(decoder, read_rows, path);
  if (is_cmyk) image.pixels = rgb_from_inverted_cmyk(image.pixels);
  return image;
}

}  // namespace rankine
