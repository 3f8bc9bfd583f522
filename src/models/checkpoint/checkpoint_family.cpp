#include "models/checkpoint/checkpoint_family.h"

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

[[noreturn]] void fail_other_kind(const TensorFile& file) {
  for (const Kind& kind : other_kinds)
    for (const TensorInfo& info : file.tensors())
      if (info.name.find(kind.part) != std::string::npos)
        fail(file.path(), ": this is ", kind.meaning, " (it holds \"", info.name, "\")");
  fail(file.path(), ": not a Stable Diffusion checkpoint: it holds ", file.tensors().size(),
       " tensors and no U-Net (model.diffusion_model.…)",
       file.tensors().empty() ? "" : concat_text("; the first is \"", file.tensors().front().name, "\""));
}

}  // namespace

const Family& family_of(const TensorFile& file) {
  TensorNames names;
  for (const TensorInfo& info : file.tensors()) names.add(info.name, info.shape);
  if (const Family* family = recognise_family(names)) return *family;
  if (!names.has("model.diffusion_model.input_blocks.0.0.weight")) fail_other_kind(file);
  check(!names.has_prefix("conditioner."), file.path(),
        ": this looks like the SDXL refiner, which has no use for a LoRA: give the SDXL base checkpoint");
  check(names.has_prefix("first_stage_model."), file.path(), ": the checkpoint has no VAE (first_stage_model.…)");
  fail(file.path(), ": the checkpoint has no text encoder (cond_stage_model.… or conditioner.…)");
}

}  // namespace rankine
