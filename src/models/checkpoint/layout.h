#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/dtype.h"

namespace rankine {

/// Names and shapes of all tensors of a single-file checkpoint.
struct Layout {
  std::string architecture{};
  std::vector<NamedShape> tensors{};

  int64_t elements() const;
};

/// The widths from which everything in an SD 1.x checkpoint follows (its U-Net has 8 heads everywhere, the text tower
/// heads of 64).
struct Sd1Widths {
  std::vector<int64_t> unet{320, 640, 1280, 1280};  // by level
  std::vector<int64_t> vae{128, 256, 512, 512};     // by level
  int64_t text_width = 768;                         // also the width of the U-Net's context
  int text_layers = 12;
  bool operator==(const Sd1Widths&) const = default;
};

/// An SD 1.x checkpoint under canonical names ("unet.conv_in.weight"), in the order of the modules.
std::vector<NamedShape> sd1_tensors(const Sd1Widths& widths);
/// The same under the names and with the shapes of a single file.
Layout sd1_layout(const std::string& architecture, const Sd1Widths& widths);
Layout sd15_layout();
/// The same topology, small enough for tests: U-Net 64, 96, 128, 128; context 128; VAE 32, 64, 96, 96; 3 text layers.
Layout tiny_sd15_layout();

/// "sd15" or "tiny-sd15"; throws Error for other names.
Layout layout_of(const std::string& architecture);
/// Reads a layout file: {"architecture": NAME, "tensors": [[NAME, SHAPE], ...], ...}. Throws Error naming the file.
Layout read_layout(const std::string& path);

}  // namespace rankine
