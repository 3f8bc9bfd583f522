#pragma once
#include <cstddef>
#include <span>
#include <string>

#include "io/image.h"

namespace rankine {

enum class ImageFormat { png, jpeg, webp, bmp };

using ImageBytes = std::span<const unsigned char>;

/// Recognises the format by the file's first bytes. Throws Error for any other; `path` is for messages.
ImageFormat image_format_of(ImageBytes bytes, const std::string& path);

/// The size that the header states. Throws Error if the header is damaged, or states an empty or absurd size.
ImageSize image_size_of(ImageBytes bytes, ImageFormat format, const std::string& path);

/// Throws Error if the file is cut short or, as far as its container shows, damaged. Decoders fill missing parts with
/// grey and report success, and a run would train on such a picture.
void check_image_is_whole(ImageBytes bytes, ImageFormat format, const std::string& path);

}  // namespace rankine
