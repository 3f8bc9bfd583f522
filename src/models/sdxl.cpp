#include "models/sdxl.h"

#include "models/clip_text/open_clip_names.h"
#include "models/model.h"
#include "models/stable_diffusion.h"

namespace rankine {
namespace {

const DiffusersNames& names() {
  static const DiffusersNames names(BlockStructure::sdxl());
  return names;
}

constexpr std::string_view kTower2 = "conditioner.embedders.1.model.", kPart2 = "text_encoder_2.";

std::vector<std::string> canonical_names(const std::string& name, const TensorNames& /*all*/) {
  const std::string_view tower = "conditioner.embedders.0.transformer.";
  if (!name.starts_with(kTower2)) {
    const std::optional<std::string> canonical =
        names().to_canonical(name.starts_with(tower) ? with_text_model(name, tower.size()) : name);
    return canonical ? std::vector{*canonical} : std::vector<std::string>{};
  }
  std::vector<std::string> canonical = from_open_clip(std::string_view(name).substr(kTower2.size()));
  for (std::string& one : canonical) one.insert(0, kPart2);
  return canonical;
}

std::optional<std::string> single_file_name(std::string_view name) {
  if (!name.starts_with(kPart2)) return names().to_single_file(name);
  const std::optional<std::string> in_tower = to_open_clip(name.substr(kPart2.size()));
  return in_tower ? std::optional(concat_text(kTower2, *in_tower)) : std::nullopt;
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
    .canonical_names = canonical_names,
    .canonical_shape = stable_diffusion_shape,
    .single_file_name = single_file_name,
    .check_checkpoint = check_input_channels,
};

}  // namespace rankine
