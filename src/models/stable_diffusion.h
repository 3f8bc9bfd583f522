#pragma once
#include <string_view>

#include "models/checkpoint/checkpoint.h"
#include "models/checkpoint/diffusers_names.h"
#include "models/family.h"

namespace rankine {

/// Shared parts of the families of Stable Diffusion.

/// The first convolution of every single file's U-Net.
inline constexpr std::string_view kSingleFileUNet = "model.diffusion_model.input_blocks.0.0.weight";

/// True for a single file with a U-Net and an autoencoder, other than SDXL's refiner.
bool is_single_file(const TensorNames& tensors);

/// The shape of a Diffusers folder's first projection: 4 axes (a 1x1 convolution) in SD 1.x, else 2; null if the folder
/// holds no U-Net or two text encoders.
const Shape* folder_projection(const TensorNames& tensors);

/// Throws Error for a U-Net with other than 4 input channels: inpainting, image editing.
void check_input_channels(const Checkpoint& checkpoint);

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

}  // namespace rankine
