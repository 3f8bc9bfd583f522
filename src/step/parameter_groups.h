#pragma once
#include <optional>
#include <string>
#include <vector>

#include "step/step_settings.h"

namespace rankine {

/// What an update does beside the optimiser.
struct UpdateSettings {
  double max_grad_norm = 1.0;  ///< limit of the gradients' global norm; 0: no limit
  /// LoRA+ (Hayou et al. 2024, arXiv:2402.12354): tensors marked AdapterTensor::second learn at this multiple of the
  /// rate, as a group of their own.
  std::optional<double> unet_plus_ratio = {}, text_encoder_plus_ratio = {};
  /// After each update the norm of every layer's update is brought down to this: see AdapterKind::limit_norm.
  std::optional<double> scale_weight_norms = {};
};

/// Trained tensors that learn at one rate.
struct ParameterGroup {
  std::string name;                  ///< "text_encoder", "unet", "unet_block4"; followed by "_plus" with LoRA+
  bool text_encoder = false;         ///< follows the text encoder's learning rate, else the U-Net's
  double factor = 1;                 ///< on that rate
  std::vector<std::string> tensors;  ///< by name: see tensor_name
};

/// The groups of a run in sd-scripts' order: text encoder, then U-Net, by block where blocks have rates of their own.
std::vector<ParameterGroup> parameter_groups(const StepSettings& settings, const UpdateSettings& update);

}  // namespace rankine
