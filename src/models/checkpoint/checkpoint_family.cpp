#include "models/checkpoint/checkpoint_family.h"

#include <algorithm>
#include <array>

#include "base/error.h"

namespace rankine {
namespace {

// Parts of names that tell other kinds of files apart: the first that is found in any name decides.
struct Kind {
  std::string_view part;
  const char* meaning;
};
constexpr std::array other_kinds{
    Kind{"lora_down.weight", "a LoRA, not a checkpoint: give the model it was trained on"},
    Kind{"lora_A.weight", "a LoRA, not a checkpoint: give the model it was trained on"},
    Kind{"lora.down.weight", "a LoRA, not a checkpoint: give the model it was trained on"},
    Kind{"hada_w1_a", "a LoHa, not a checkpoint: give the model it was trained on"},
    Kind{"lokr_w1", "a LoKr, not a checkpoint: give the model it was trained on"},
    Kind{"control_model.", "a ControlNet, not a checkpoint"},
    Kind{"controlnet_cond_embedding.", "a ControlNet, not a checkpoint"},
    Kind{"joint_blocks.", "a Stable Diffusion 3 model, which is not supported"},
    Kind{"double_blocks.", "a FLUX model, which is not supported"},
    Kind{"down_blocks.0.resnets.0.time_emb_proj",
         "a Diffusers U-Net alone: give the folder that holds unet, "
         "text_encoder and vae"},
    Kind{"decoder.conv_in.",
         "a VAE alone: give a whole checkpoint, or the folder that holds unet, text_encoder and vae"},
    Kind{"text_model.",
         "a text encoder alone: give a whole checkpoint, or the folder that holds unet, text_encoder "
         "and vae"},
    Kind{"emb_params", "a textual inversion embedding, not a checkpoint"},
};

bool has_prefix(const TensorFile& file, std::string_view prefix) {
  return std::ranges::any_of(file.tensors(), [&](const TensorInfo& info) { return info.name.starts_with(prefix); });
}

[[noreturn]] void fail_other_kind(const TensorFile& file) {
  for (const Kind& kind : other_kinds)
    for (const TensorInfo& info : file.tensors())
      if (info.name.find(kind.part) != std::string::npos)
        fail(file.path(), ": this is ", kind.meaning, " (it holds \"", info.name, "\")");
  fail(file.path(), ": not a Stable Diffusion checkpoint: it holds ", file.tensors().size(),
       " tensors and no U-Net (model.diffusion_model.…)",
       file.tensors().empty() ? "" : concat_text("; the first is \"", file.tensors().front().name, "\""));
}

int64_t first_dim(const Checkpoint& checkpoint, const std::string& name) {
  const Shape& shape = checkpoint.shape(name);
  check(!shape.empty() && shape[0] > 0, checkpoint.path(), ": tensor \"", name, "\" has the impossible shape ",
        as_text(shape));
  return shape[0];
}

}  // namespace

ModelFamily family_of(const TensorFile& file) {
  if (!file.find("model.diffusion_model.input_blocks.0.0.weight")) fail_other_kind(file);
  if (has_prefix(file, "conditioner.embedders.1.")) return ModelFamily::sdxl;
  check(!has_prefix(file, "conditioner."), file.path(),
        ": this looks like the SDXL refiner, which has no use for a LoRA: give the SDXL base checkpoint");
  check(has_prefix(file, "first_stage_model."), file.path(), ": the checkpoint has no VAE (first_stage_model.…)");
  if (has_prefix(file, "cond_stage_model.model.")) return ModelFamily::sd21;
  if (has_prefix(file, "cond_stage_model.transformer.")) return ModelFamily::sd15;
  fail(file.path(), ": the checkpoint has no text encoder (cond_stage_model.… or conditioner.…)");
}

BlockStructure structure_of(ModelFamily family) {
  BlockStructure structure;
  switch (family) {
    case ModelFamily::sd15:
      break;
    // Open CLIP's towers pack their projections, so their names are not merely other names for the same tensors.
    case ModelFamily::sd21:
      structure.text_encoder = "";
      break;
    case ModelFamily::sdxl:
      structure.unet_attention = {false, true, true};
      structure.text_encoder = "conditioner.embedders.0.transformer";
      break;
  }
  return structure;
}

void check_input_channels(const Checkpoint& checkpoint) {
  const Shape& shape = checkpoint.shape("unet.conv_in.weight");
  check(shape.size() == 4, checkpoint.path(), ": unet.conv_in.weight has shape ", as_text(shape),
        ", expected [C, 4, 3, 3]");
  check(shape[1] == 4, checkpoint.path(), ": the U-Net takes ", shape[1], " channels, expected 4: this is ",
        shape[1] == 9   ? "an inpainting checkpoint"
        : shape[1] == 8 ? "an image-editing checkpoint (InstructPix2Pix)"
        : shape[1] == 5 ? "a depth-guided checkpoint"
                        : "no text-to-image checkpoint",
        ", which is not supported");
}

Sd1Widths sd1_widths(const Checkpoint& checkpoint) {
  Sd1Widths widths;
  for (size_t level = 0; level < widths.unet.size(); ++level)
    widths.unet[level] = first_dim(checkpoint, concat_text("unet.down_blocks.", level, ".resnets.0.conv1.weight"));
  for (size_t level = 0; level < widths.vae.size(); ++level)
    widths.vae[level] =
        first_dim(checkpoint, concat_text("vae.encoder.down_blocks.", level, ".resnets.0.conv1.weight"));
  widths.text_width = first_dim(checkpoint, "text_encoder.text_model.final_layer_norm.weight");
  widths.text_layers = 0;
  const auto layer_norm = [&] {
    return concat_text("text_encoder.text_model.encoder.layers.", widths.text_layers, ".layer_norm1.weight");
  };
  while (checkpoint.has(layer_norm())) ++widths.text_layers;
  check(widths.text_layers > 0, checkpoint.path(), ": the text encoder has no layers");
  constexpr int64_t groups = 32, unet_heads = 8, text_head = 64;
  for (const int64_t width : widths.unet)
    check(width % groups == 0 && width % unet_heads == 0, checkpoint.path(), ": a U-Net width of ", width,
          " is not a multiple of 32, as group normalisation needs");
  for (const int64_t width : widths.vae)
    check(width % groups == 0, checkpoint.path(), ": a VAE width of ", width,
          " is not a multiple of 32, as group normalisation needs");
  check(widths.text_width % text_head == 0, checkpoint.path(), ": the text encoder's width of ", widths.text_width,
        " is not a multiple of its head size, 64");
  return widths;
}

void check_sd1_complete(const Checkpoint& checkpoint, const Sd1Widths& widths) {
  for (const auto& [name, shape] : sd1_tensors(widths))
    check(checkpoint.shape(name) == shape, checkpoint.path(), ": tensor \"", name, "\" has shape ",
          as_text(checkpoint.shape(name)), ", expected ", as_text(shape));
}

}  // namespace rankine
