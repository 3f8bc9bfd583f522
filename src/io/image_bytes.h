#pragma once
#include <cstdint>
#include <cstring>
#include <string_view>

#include "io/image_format.h"

/// Functions that read numbers from picture files. They do not check bounds.
namespace rankine {

inline bool starts_with(ImageBytes bytes, std::string_view magic, size_t at = 0) {
  return bytes.size() >= at + magic.size() && std::memcmp(bytes.data() + at, magic.data(), magic.size()) == 0;
}

inline uint32_t big_u16(ImageBytes b, size_t at) { return static_cast<uint32_t>(b[at] << 8 | b[at + 1]); }
inline uint32_t big_u32(ImageBytes b, size_t at) { return big_u16(b, at) << 16 | big_u16(b, at + 2); }
inline uint32_t little_u16(ImageBytes b, size_t at) { return static_cast<uint32_t>(b[at] | b[at + 1] << 8); }
inline uint32_t little_u24(ImageBytes b, size_t at) {
  return little_u16(b, at) | static_cast<uint32_t>(b[at + 2]) << 16;
}
inline uint32_t little_u32(ImageBytes b, size_t at) { return little_u16(b, at) | little_u16(b, at + 2) << 16; }

/// Start-of-frame markers of JPEG are C0 ... CF without the tables C4, C8 and CC.
inline bool is_jpeg_frame(unsigned marker) {
  return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

}  // namespace rankine
