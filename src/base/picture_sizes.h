#pragma once
#include <array>
#include <cstddef>

#include "base/size.h"

namespace rankine {

/// Sizes of a picture that some denoisers read beside its latents.
struct PictureSizes {
  Size original{};                  ///< of the file
  int crop_left = 0, crop_top = 0;  ///< the part that was cut off
  Size target{};                    ///< of the picture in training

  /// A picture that is whole and has been made in this size.
  static PictureSizes whole(Size size) { return {.original = size, .target = size}; }
};

inline constexpr size_t kSizeNumbers = 6;
/// In the order of the denoiser's input.
inline std::array<float, kSizeNumbers> size_numbers(const PictureSizes& s) {
  const int numbers[] = {s.original.height, s.original.width, s.crop_top, s.crop_left, s.target.height, s.target.width};
  std::array<float, kSizeNumbers> out;
  for (size_t i = 0; i < kSizeNumbers; ++i) out[i] = static_cast<float>(numbers[i]);
  return out;
}

}  // namespace rankine
