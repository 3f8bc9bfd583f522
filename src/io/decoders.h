#pragma once
#include <string>
#include <vector>

#include "io/image_format.h"

namespace rankine {

/// The warnings of a decoding library, each once. The libraries never print them.
using DecoderRemarks = std::vector<std::string>;

/// The facts that a decoder takes from a file's header.
struct DecodedHeader {
  int bits = 8;            ///< per sample
  bool has_alpha = false;  ///< decoded pixels have four channels
  bool is_cmyk = false;
};

/// Reads a PNG's chunks before its pixels. Throws Error that names the file.
DecodedHeader read_png_header(ImageBytes bytes, const std::string& path, DecoderRemarks& remarks);
/// The pixels of a PNG as RGB or RGBA. Samples of 16 bits keep their high byte; gamma and profiles are ignored. Throws
/// Error that names the file.
Image decode_png(ImageBytes bytes, const std::string& path, DecoderRemarks& remarks);

/// The same for a JPEG. Its pixels are RGB; CMYK is converted as Pillow does, without a profile.
DecodedHeader read_jpeg_header(ImageBytes bytes, const std::string& path, DecoderRemarks& remarks);
Image decode_jpeg(ImageBytes bytes, const std::string& path, DecoderRemarks& remarks);

/// The same for a BMP.
DecodedHeader read_bmp_header(ImageBytes bytes, const std::string& path);
Image decode_bmp(ImageBytes bytes, const std::string& path);

/// Adds a warning that is not there yet.
void add_remark(DecoderRemarks& remarks, const std::string& text);

}  // namespace rankine
