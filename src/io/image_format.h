#pragma once
#include <cstddef>
#include <span>
#include <string>

#include "io/image.h"

namespace rankine {

enum class ImageFormat { png, jpeg, webp, bmp };

using ImageBytes = std::span<const unsigned char>;

/// By the file's first bytes. Throws Error for anything else; `path` is for messages.
ImageFormat image_format_of(ImageBytes bytes, const std::string& path);

/// Size as the header states it. Throws Error when the header is damaged, or states an empty or absurd size.
ImageSize image_size_of(ImageBytes bytes, ImageFormat format, const std::string& path);

/// Throws Error when the file is cut short or, as far as its container can tell, damaged. Decoders fill what is missing
/// with grey and report success, and such a picture would be trained on.
void check_image_is_whole(ImageBytes bytes, ImageFormat format, const std::string& path);

}  // namespace rankine
