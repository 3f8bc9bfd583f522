#include "models/sd2.h"

#include "models/clip_text/open_clip_names.h"
#include "models/model.h"
#include "models/stable_diffusion.h"

namespace rankine {
namespace {

constexpr std::string_view kTower = "cond_stage_model.model.", kPart = "text_encoder.";

const DiffusersNames& names() {
  static const DiffusersNames names(BlockStructure::sd2());
  return names;
}

/// The checkpoint's last layer is never read, as sd-scripts drops it, and there is no LoRA for it. Folders lack it. The
/// text projection belongs to CLIP's comparison with pictures.
bool is_read(std::string_view in_tower, const TensorNames& all) {
  const std::optional<int> layer = open_clip_layer(in_tower);
  return layer ? all.has(concat_text(kTower, open_clip_layer_mark(*layer + 1))) : in_tower != "text_projection";
}

std::vector<std::string> canonical_names(const std::string& name, const TensorNames& all) {
  if (auto canonical = names().to_canonical(name)) return {*canonical};
  if (!name.starts_with(kTower)) return {};
  const std::string_view in_tower = std::string_view(name).substr(kTower.size());
  if (!is_read(in_tower, all)) return {};
  std::vector<std::string> canonical = from_open_clip(in_tower);
  for (std::string& one : canonical) one.insert(0, kPart);
  return canonical;
}

std::optional<std::string> single_file_name(std::string_view name) {
  if (!name.starts_with(kPart)) return names().to_single_file(name);
  const std::optional<std::string> in_tower = to_open_clip(name.substr(kPart.size()));
  return in_tower ? std::optional(concat_text(kTower, *in_tower)) : std::nullopt;
}

/// The projections of transformers are linear layers in the files. sd-scripts makes 1x1 convolutions of them, and the
/// shapes of its LoRAs follow from that.
Shape canonical_shape(std::string_view name, Shape stored) {
  const bool is_projection = name.ends_with(".proj_in.weight") || name.ends_with(".proj_out.weight");
  if (name.starts_with("unet.") && is_projection && stored.size() == 2) stored.insert(stored.end(), {1, 1});
  return stable_diffusion_shape(name, std::move(stored));
}

bool recognises(const TensorNames& tensors) {
  if (is_single_file(tensors)) {
    return tensors.has_prefix("first_stage_model.") && tensors.has_prefix(kTower) &&
           !tensors.has_prefix("conditioner.");
  }
  const Shape* projection = folder_projection(tensors);
  return projection && projection->size() != 4;
}

std::shared_ptr<const Model> model_of(ModelWidths widths) {
  widths.open_clip = true;
  return one_tower_model(sd2_family, config_of(widths), ClipTokenizerConfig::sd2());
}

}  // namespace

constinit const Family sd2_family = {
    .name = "SD 2.x",
    .script = "train_network.py",
    .latents = {.channels = 4, .stride = 8, .bucket_step = 8, .scale = 0.18215f, .file_ending = "_sd.npz"},
    .adaptable = {.parts = kOneTowerParts,
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
    .canonical_names = canonical_names,
    .canonical_shape = canonical_shape,
    .single_file_name = single_file_name,
    .check_checkpoint = check_stable_diffusion,
    .check_vae = check_stable_diffusion_vae,
    .widths_text = widths_text,
    .open = [](const Checkpoint& checkpoint) { return model_of(read_widths(checkpoint)); },
    .usual = [] { return model_of({.text_width = 1024, .text_layers = 23}); },
};

}  // namespace rankine
