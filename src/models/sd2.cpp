#include "models/sd2.h"

#include "models/stable_diffusion.h"

namespace rankine {
namespace {

/// Open CLIP's text encoder packs its projections, so that it has no canonical names here and keeps its own.
const DiffusersNames& names() {
  static const DiffusersNames names{BlockStructure{.text_encoder = ""}};
  return names;
}

std::optional<std::string> canonical_name(const std::string& name) {
  if (auto canonical = names().to_canonical(name)) return canonical;
  return name.starts_with("cond_stage_model.") ? std::optional(name) : std::nullopt;
}

bool recognises(const TensorNames& tensors) {
  if (is_single_file(tensors)) {
    return tensors.has_prefix("first_stage_model.") && tensors.has_prefix("cond_stage_model.model.") &&
           !tensors.has_prefix("conditioner.");
  }
  const Shape* projection = folder_projection(tensors);
  return projection && projection->size() != 4;
}

constexpr ModelPart kParts[] = {{"text_encoder", "lora_te", Role::text_encoder}, {"unet", "lora_unet", Role::denoiser}};

}  // namespace

constinit const Family sd2_family = {
    .name = "SD 2.x",
    .latents = {.channels = 4, .stride = 8, .bucket_step = 8, .scale = 0.18215f, .file_ending = "_sd.npz"},
    .adaptable = {.parts = kParts,
                  .words = kAdaptableWords,
                  .convolutional = kConvolutionalWords,
                  .blocks = kUNetBlocks},
    .base_model_names = [](bool v_prediction) -> BaseModelNames {
      const int side = v_prediction ? 768 : 512;
      return {.base_model_version = v_prediction ? "sd_v2_v" : "sd_v2",
              .architecture = v_prediction ? "stable-diffusion-v2-768-v" : "stable-diffusion-v2-512",
              .implementation = "diffusers",
              .resolution = {side, side},
              .v2 = true};
    },
    .recognises = recognises,
    .canonical_name = canonical_name,
    .single_file_name = [](std::string_view name) { return names().to_single_file(name); },
    .check_checkpoint = check_input_channels,
};

}  // namespace rankine
