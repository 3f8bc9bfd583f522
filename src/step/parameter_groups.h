#pragma once
#include <optional>
#include <string>
#include <vector>

#include "step/step_settings.h"

namespace rankine {

/// What an update does beside the optimiser.
struct UpdateSettings {
  double max_grad_norm = 1.0;  ///< limit of the gradients' global norm; 0: no limit
  /// LoRA+ (Hayou et al. 2024, arXiv:2402.12354): lora_up learns at this multiple of the rate, as a group of its own.
  std::optional<double> unet_loraplus_ratio = {}, text_encoder_loraplus_ratio = {};
  /// After each update every module's scale * ||up down|| is brought down to this.
  std::optional<double> scale_weight_norms = {};
};

/// Trained tensors that learn at one rate.
struct ParameterGroup {
  std::string name;                  ///< "text_encoder", "unet", "unet_block4"; "_plus" behind it: LoRA+'s lora_up
  bool text_encoder = false;         ///< follows the text encoder's learning rate, else the U-Net's
  double factor = 1;                 ///< on that rate
  std::vector<std::string> tensors;  ///< "lora_unet_….lora_up.weight"
};

/// The groups of a run in sd-scripts' order: text encoder, then U-Net, by block where blocks have rates of their own.
std::vector<ParameterGroup> parameter_groups(const StepSettings& settings, const UpdateSettings& update);

}  // namespace rankine
