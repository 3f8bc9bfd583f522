#include "models/checkpoint/file_kind.h"

#include <span>

namespace rankine {
namespace {

constexpr std::string_view kBase = "give the model it was trained on";
constexpr std::string_view kMerge =
    "only plain LoRAs are read: merge it into a checkpoint with the program that made it, and train on that";
constexpr std::string_view kRename = "convert it to kohya's names (lora_unet_..., lora_te_...) first";
constexpr std::string_view kOtherFamily = "give a LoRA that was trained on this family of models";
constexpr std::string_view kWhole = "give a whole checkpoint, or the folder that holds unet, text_encoder and vae";
constexpr std::string_view kLoraFile = "give a LoRA's file";
constexpr std::string_view kNotSupported = "it is not supported";

/// Part of a name that tells a kind; with `$` at its end it must end the name, with `^` at its begin it must begin it.
struct Sign {
  std::string_view part, is, as_model, as_adapter;
};

// The first entry that fits any name decides.
constexpr Sign kForeign[] = {
    {"hada_w1_a", "a LoHa, an adapter of LyCORIS", kBase, kMerge},
    {"lokr_w1", "a LoKr, an adapter of LyCORIS", kBase, kMerge},
    {"lokr_w2", "a LoKr, an adapter of LyCORIS", kBase, kMerge},
    {"dora_scale", "a DoRA, a LoRA with magnitudes", kBase, kMerge},
    {"lora_magnitude_vector", "a DoRA, a LoRA with magnitudes", kBase, kMerge},
    {"lora_mid.weight$", "a LoCon with Tucker decomposition, an adapter of LyCORIS", kBase, kMerge},
    {"oft_blocks", "an OFT, another kind of adapter", kBase, kMerge},
    {"oft_diag", "an OFT, another kind of adapter", kBase, kMerge},
    {"oft_R", "an OFT, another kind of adapter", kBase, kMerge},
    {"boft_", "a BOFT, another kind of adapter", kBase, kMerge},
    {".on_input$", "an (IA)^3, an adapter of LyCORIS", kBase, kMerge},
    {".b2.weight$", "a GLoRA, an adapter of LyCORIS", kBase, kMerge},
    {".diff$", "an adapter of LyCORIS with whole weights", kBase, kMerge},
    {".diff_b$", "an adapter of LyCORIS with whole weights", kBase, kMerge},
    {"^lora_unet_double_blocks_", "a LoRA for FLUX", kBase, kOtherFamily},
    {"^lora_unet_single_blocks_", "a LoRA for FLUX", kBase, kOtherFamily},
    {"single_transformer_blocks.", "a model or LoRA for FLUX", kNotSupported, kOtherFamily},
    {"^lora_te3_", "a LoRA for Stable Diffusion 3 or FLUX", kBase, kOtherFamily},
    {"^lora_unet_joint_blocks_", "a LoRA for Stable Diffusion 3", kBase, kOtherFamily},
    {"^lora_prior_", "a LoRA for Stable Cascade", kBase, kOtherFamily},
    {"^lora_te2_", "a LoRA for SDXL", kBase, kOtherFamily},
    {"^lora_te1_", "a LoRA for SDXL", kBase, kOtherFamily},
    {"^lora_unet_input_blocks_", "a LoRA for SDXL", kBase, kOtherFamily},
    {"^lora_unet_output_blocks_", "a LoRA for SDXL", kBase, kOtherFamily},
    {"^lora_unet_middle_block_", "a LoRA for SDXL", kBase, kOtherFamily},
    {"lora_A.", "a LoRA with the names of PEFT and Diffusers", kBase, kRename},
    {"lora_B.", "a LoRA with the names of PEFT and Diffusers", kBase, kRename},
    {"lora.down.weight$", "a LoRA with the old names of Diffusers", kBase, kRename},
    {"_lora.down.weight$", "a LoRA with the old names of Diffusers", kBase, kRename},
    {"^lllite_", "a ControlNet-LLLite", kWhole, kLoraFile},
    {"control_model.", "a ControlNet", kWhole, kLoraFile},
    {"controlnet_cond_embedding.", "a ControlNet", kWhole, kLoraFile},
    {"joint_blocks.", "a Stable Diffusion 3 model", kNotSupported, kLoraFile},
    {"double_blocks.", "a FLUX model", kNotSupported, kLoraFile},
    {"^model.diffusion_model.", "a checkpoint that is not complete", kWhole,
     "give a LoRA's file; a checkpoint is given as --pretrained_model_name_or_path"},
    {"down_blocks.0.resnets.0.time_emb_proj", "a Diffusers U-Net alone", kWhole, kLoraFile},
    {"decoder.conv_in.", "a VAE alone", kWhole, kLoraFile},
    {"text_model.", "a text encoder alone", kWhole, kLoraFile},
    {"embeddings.token_embedding.", "a text encoder alone", kWhole, kLoraFile},
    {"emb_params", "a textual inversion embedding", kWhole, kLoraFile},
    {"string_to_param", "a textual inversion embedding", kWhole, kLoraFile},
    {"^clip_g$", "a textual inversion embedding for SDXL", kWhole, kLoraFile},
    {"^clip_l$", "a textual inversion embedding", kWhole, kLoraFile},
};
constexpr Sign kLora[] = {{"lora_down.weight$", "a LoRA", kBase, ""}};

bool fits(std::string_view name, std::string_view part) {
  const bool begins = part.starts_with('^'), ends = part.ends_with('$');
  if (begins) part.remove_prefix(1);
  if (ends) part.remove_suffix(1);
  if (begins && ends) return name == part;
  return begins ? name.starts_with(part) : ends ? name.ends_with(part) : name.find(part) != std::string_view::npos;
}

std::optional<FileKind> find_kind(const TensorFile& file, std::span<const Sign> signs) {
  for (const Sign& sign : signs)
    for (const TensorInfo& info : file.tensors())
      if (!is_bundled(info.name) && fits(info.name, sign.part))
        return FileKind{.is = sign.is, .as_model = sign.as_model, .as_adapter = sign.as_adapter, .found = info.name};
  return std::nullopt;
}

}  // namespace

std::optional<FileKind> foreign_kind_of(const TensorFile& file) { return find_kind(file, kForeign); }

std::optional<FileKind> kind_of(const TensorFile& file) {
  std::optional<FileKind> kind = foreign_kind_of(file);
  return kind ? kind : find_kind(file, kLora);
}

bool is_bundled(std::string_view name) { return name.starts_with("bundle_emb"); }

}  // namespace rankine
