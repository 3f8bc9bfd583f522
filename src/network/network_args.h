#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace rankine {

/// What --network_args says of a LoRA, under sd-scripts' names.
struct NetworkArgs {
  std::optional<int64_t> conv_dim = {};  ///< adapts the convolutional blocks too; their 3x3 kernels at this rank
  double conv_alpha = 1;
  /// LoRA+: lora_up learns at this multiple of the rate, in both models or in one.
  std::optional<double> loraplus_lr_ratio = {}, loraplus_unet_lr_ratio = {}, loraplus_text_encoder_lr_ratio = {};
  std::vector<std::pair<std::string, std::string>> given = {};  ///< as written, for the file's metadata

  std::optional<double> unet_ratio() const {
    return loraplus_unet_lr_ratio ? loraplus_unet_lr_ratio : loraplus_lr_ratio;
  }
  std::optional<double> text_encoder_ratio() const {
    return loraplus_text_encoder_lr_ratio ? loraplus_text_encoder_lr_ratio : loraplus_lr_ratio;
  }
};

/// Reads "key=value" items. Throws Error for an item that is none, a key that is unknown (the known ones are listed) or
/// not supported yet, and a value that is no number or out of range.
NetworkArgs parse_network_args(std::span<const std::string> items);

}  // namespace rankine
