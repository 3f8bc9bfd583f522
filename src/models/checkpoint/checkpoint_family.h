#pragma once
#include "io/safetensors.h"
#include "models/checkpoint/checkpoint.h"
#include "models/checkpoint/diffusers_names.h"
#include "models/checkpoint/layout.h"

namespace rankine {

/// The family of a single-file checkpoint, by its tensors' names. Throws Error saying what the file seems to be (a
/// LoRA, a VAE, another model) when it is no Stable Diffusion checkpoint.
ModelFamily family_of(const TensorFile& file);

/// Blocks and text encoder names of a family's single files.
BlockStructure structure_of(ModelFamily family);

/// Throws Error for a U-Net that takes other than 4 channels: inpainting, image editing.
void check_input_channels(const Checkpoint& checkpoint);

/// Widths of an SD 1.x checkpoint from its shapes. Throws Error for shapes that belong to no SD 1.x model.
Sd1Widths sd1_widths(const Checkpoint& checkpoint);

/// Throws Error naming the first tensor that an SD 1.x model of these widths has and the checkpoint lacks, or has in
/// another shape.
void check_sd1_complete(const Checkpoint& checkpoint, const Sd1Widths& widths);

}  // namespace rankine
