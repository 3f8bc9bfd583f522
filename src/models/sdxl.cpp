#include "models/sdxl.h"

#include "models/stable_diffusion.h"

namespace rankine {
namespace {

const DiffusersNames& names() {
  static const DiffusersNames names{
      BlockStructure{.unet_attention = {false, true, true}, .text_encoder = "conditioner.embedders.0.transformer"}};
  return names;
}

/// The second text encoder packs its projections, so that it keeps its own names.
std::optional<std::string> canonical_name(const std::string& name) {
  if (auto canonical = names().to_canonical(name)) return canonical;
  return name.starts_with("conditioner.") ? std::optional(name) : std::nullopt;
}

bool recognises(const TensorNames& tensors) {
  return (tensors.has(kSingleFileUNet) && tensors.has_prefix("conditioner.embedders.1.")) ||
         tensors.has("text_encoder_2.text_model.final_layer_norm.weight");
}

}  // namespace

constinit const Family sdxl_family = {
    .name = "SDXL",
    .base_model_names = [](bool /*v_prediction*/) -> BaseModelNames {
      return {.base_model_version = "sdxl_base_v1-0",
              .architecture = "stable-diffusion-xl-v1-base",
              .implementation = "https://github.com/Stability-AI/generative-models",
              .resolution = {1024, 1024}};
    },
    .recognises = recognises,
    .canonical_name = canonical_name,
    .single_file_name = [](std::string_view name) { return names().to_single_file(name); },
    .check_checkpoint = check_input_channels,
};

}  // namespace rankine
