#pragma once
#include "models/checkpoint/checkpoint.h"
#include "models/clip_text/clip_text.h"
#include "models/unet/unet.h"
#include "models/vae/vae.h"

namespace rankine {

/// The three networks of a Stable Diffusion 1.x model; their scopes are "text_encoder", "unet" and "vae".
struct StableDiffusionConfig {
  ClipTextConfig text;
  UNetConfig unet;
  VaeConfig vae;
};

/// Sizes from the tensors' shapes. Throws Error for a family that is not built yet.
StableDiffusionConfig stable_diffusion_config(const Checkpoint& checkpoint);

}  // namespace rankine
