#pragma once
#include <memory>

#include "models/checkpoint/layout.h"
#include "models/clip_text/clip_text.h"
#include "models/model.h"
#include "models/unet/unet.h"
#include "models/vae/vae.h"

namespace rankine {

/// Stable Diffusion 1.x: CLIP-L, a U-Net and an autoencoder (Rombach et al. 2022, arXiv:2112.10752).
extern const Family sd1_family;

/// Sizes of the three networks; their scopes are "text_encoder", "unet" and "vae".
struct Sd1Config {
  ClipTextConfig text{};
  UNetConfig unet{};
  VaeConfig vae{};
};

/// Widths of an SD 1.x checkpoint from its tensors' shapes. Throws Error for shapes that belong to no SD 1.x model.
Sd1Widths sd1_widths(const Checkpoint& checkpoint);
Sd1Config sd1_config(const Sd1Widths& widths);

std::shared_ptr<const Model> sd1_model(const Sd1Config& config);

}  // namespace rankine
