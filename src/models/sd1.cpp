#include "models/sd1.h"

#include "models/model.h"

namespace rankine {
namespace {

const DiffusersNames& names() {
  static const DiffusersNames names{BlockStructure{}};
  return names;
}

std::vector<std::string> canonical_names(const std::string& name, const TensorNames& /*all*/) {
  const std::string_view tower = "cond_stage_model.transformer.";
  const std::optional<std::string> canonical =
      names().to_canonical(name.starts_with(tower) ? with_text_model(name, tower.size()) : name);
  return canonical ? std::vector{*canonical} : std::vector<std::string>{};
}

bool recognises(const TensorNames& tensors) {
  if (is_single_file(tensors)) {
    return tensors.has_prefix("first_stage_model.") && tensors.has_prefix("cond_stage_model.transformer.") &&
           !tensors.has_prefix("cond_stage_model.model.") && !tensors.has_prefix("conditioner.");
  }
  const Shape* projection = folder_projection(tensors);
  return projection && projection->size() == 4;
}

}  // namespace

constinit const Family sd1_family = {
    .name = "SD 1.x",
    .script = "train_network.py",
    .latents = {.channels = 4, .stride = 8, .bucket_step = 8, .scale = 0.18215f, .file_ending = "_sd.npz"},
    .adaptable = {.parts = kOneTowerParts,
                  .words = kAdaptableWords,
                  .convolutional = kConvolutionalWords,
                  .blocks = kUNetBlocks},
    .base_model_names = [](bool v_prediction) -> BaseModelNames {
      return {.base_model_version = v_prediction ? "sd_v1_v" : "sd_v1",
              .architecture = "stable-diffusion-v1",
              .implementation = "diffusers",
              .resolution = {512, 512}};
    },
    .recognises = recognises,
    .canonical_names = canonical_names,
    .canonical_shape = stable_diffusion_shape,
    .single_file_name = [](std::string_view name) { return names().to_single_file(name); },
    .check_checkpoint = check_stable_diffusion,
    .check_vae = check_stable_diffusion_vae,
    .widths_text = widths_text,
    .open = [](const Checkpoint& checkpoint) { return sd1_model(config_of(read_widths(checkpoint))); },
    .usual = [] { return sd1_model(StableDiffusionConfig{}); },
};

std::shared_ptr<const Model> sd1_model(const StableDiffusionConfig& config) {
  return one_tower_model(sd1_family, config, ClipTokenizerConfig::clip_l());
}

}  // namespace rankine
