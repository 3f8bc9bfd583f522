#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "models/checkpoint/checkpoint.h"
#include "models/checkpoint/diffusers_names.h"
#include "models/checkpoint/layout.h"
#include "models/clip_text/clip_text.h"
#include "models/family.h"
#include "models/unet/unet.h"
#include "models/vae/vae.h"
#include "text/clip_tokenizer.h"

namespace rankine {

/// Shared parts of the families of Stable Diffusion.

/// The first convolution of every single file's U-Net.
inline constexpr std::string_view kSingleFileUNet = "model.diffusion_model.input_blocks.0.0.weight";

/// True for a single file with a U-Net and an autoencoder, other than SDXL's refiner.
bool is_single_file(const TensorNames& tensors);

/// The shape of a Diffusers folder's first projection: 4 axes (a 1x1 convolution) in SD 1.x, else 2; null if the folder
/// holds no U-Net or two text encoders.
const Shape* folder_projection(const TensorNames& tensors);

/// The shape that a tensor has under its canonical name: the projections of the VAE's attention are linear layers.
Shape stable_diffusion_shape(std::string_view canonical, Shape stored);

/// Throws Error for a U-Net with other than 4 input channels: inpainting, image editing.
void check_input_channels(const Checkpoint& checkpoint);
/// Throws Error unless every tensor of the family's model is there in its shape. A U-Net with other than 4 input
/// channels is named: inpainting, image editing.
void check_stable_diffusion(const Checkpoint& checkpoint);
/// Throws Error unless the autoencoder, which was read from the file at `path`, is complete.
void check_stable_diffusion_vae(const Checkpoint& checkpoint, const std::string& path);

/// The widths of a checkpoint from its tensors' shapes. Throws Error for shapes that belong to no Stable Diffusion.
ModelWidths read_widths(const Checkpoint& checkpoint);
/// "U-Net 320, 640, 1280, 1280; ...", for people.
std::string widths_text(const Checkpoint& checkpoint);

/// Sizes of the networks; their scopes are "text_encoder", "text_encoder_2", "unet" and "vae".
struct StableDiffusionConfig {
  ClipTextConfig text{};
  ClipTextConfig text_2{};  ///< SDXL
  UNetConfig unet{};
  VaeConfig vae{};
};
StableDiffusionConfig config_of(const ModelWidths& widths);

/// A model with one text tower, whose states are the context: SD 1.x and SD 2.x.
std::shared_ptr<const Model> one_tower_model(const Family& family, const StableDiffusionConfig& config,
                                             ClipTokenizerConfig tokenizer);

/// Words in the paths of modules that LoRAs change in CLIP's text encoder and in a U-Net: see AdaptableModules.
inline constexpr std::string_view kAdaptableWords[] = {
    // text encoder
    "text_model", "encoder", "layers", "self_attn", "k_proj", "v_proj", "q_proj", "out_proj", "mlp", "fc1", "fc2",
    // the U-Net's blocks and what they hold
    "down_blocks", "up_blocks", "mid_block", "attentions", "resnets", "downsamplers", "upsamplers",
    // attentions
    "proj_in", "transformer_blocks", "proj_out", "attn1", "ff", "attn2", "to_q", "to_k", "to_v", "to_out", "net",
    "proj",
    // resnets and samplers
    "conv1", "time_emb_proj", "conv2", "conv_shortcut", "conv"};
/// Those of the U-Net's convolutional blocks.
inline constexpr std::string_view kConvolutionalWords[] = {"resnets", "downsamplers", "upsamplers"};

/// The block of a module in a U-Net of four levels as sd-scripts numbers them: 0 is conv_in (never adapted), then 1 to
/// 11 down, 12 in the middle, 13 to 24 up. "unet.down_blocks.1.attentions.0.proj_in" is in block 4. Throws Error for a
/// path outside all blocks.
int unet_block(std::string_view path);
inline constexpr DenoiserBlocks kUNetBlocks = {.down = 12, .middle = 1, .up = 12, .block_of = unet_block};

/// The parts of a model with one text tower.
inline constexpr ModelPart kOneTowerParts[] = {{"text_encoder", "lora_te", Role::text_encoder},
                                               {"unet", "lora_unet", Role::denoiser}};

}  // namespace rankine
