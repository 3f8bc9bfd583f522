#pragma once
#include <string>
#include <vector>

#include "train/step_graph.h"

namespace rankine {

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
