#pragma once
#include <optional>
#include <string>

namespace rankine {

/// The base model, as flags name it. Fields carry the names of sd-scripts' flags.
struct ModelConfig {
  std::optional<std::string> pretrained_model_name_or_path;  ///< a file or a Diffusers folder
  std::optional<std::string> vae{};                          ///< another autoencoder than the model's
  std::string script{};  ///< of sd-scripts, that a pasted line or a preset is for: it must be the family's; empty: none
  bool v2 = false;       ///< the model must be one of SD 2.x
  bool v_parameterization = false;      ///< the model predicts velocity, not noise
  std::optional<int> clip_skip;         ///< take the Nth-from-last text encoder layer; unset as 1: the last
  std::optional<int> max_token_length;  ///< 75 (also when unset), 150 or 225
  bool weighted_captions = false;       ///< "(word:1.2)" in captions is a weight
};

}  // namespace rankine
