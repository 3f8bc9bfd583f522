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

/// The widths from which everything in a checkpoint of Stable Diffusion follows; the defaults are those of SD 1.5.
struct ModelWidths {
  std::vector<int64_t> unet{320, 640, 1280, 1280};  // by level
  std::vector<int64_t> depths{1, 1, 1, 0};          // transformer blocks in each attention of a level; 0: no attention
  int64_t middle_depth = 1;
  std::vector<int64_t> vae{128, 256, 512, 512};  // by level
  int64_t text_width = 768;
  int text_layers = 12;      // that are read: files of SD 2.x have one more
  bool open_clip = false;    // the only text tower is OpenCLIP's: SD 2.x
  int64_t text_2_width = 0;  // of SDXL's second text tower, which is OpenCLIP's
  int text_2_layers = 0;

  bool has_second_tower() const { return text_2_layers > 0; }
  int64_t context() const { return text_width + text_2_width; }
  /// Of SDXL's pooled text and its six sizes.
  int64_t vector() const { return text_2_width + int64_t{6} * 256; }
  bool operator==(const ModelWidths&) const = default;
};

/// A checkpoint's tensors under canonical names ("unet.conv_in.weight"), in the order of the modules.
std::vector<NamedShape> model_tensors(const ModelWidths& widths);
/// All tensors of a single file, under its names and with its shapes.
Layout single_file_layout(const std::string& architecture, const ModelWidths& widths);

/// The architectures that have a name: "sd15,tiny-sd15,...".
std::string architecture_names();
/// Throws Error for other names.
Layout layout_of(const std::string& architecture);
/// Reads a layout file: {"architecture": NAME, "tensors": [[NAME, SHAPE], ...], ...}. Throws Error naming the file.
Layout read_layout(const std::string& path);

}  // namespace rankine
