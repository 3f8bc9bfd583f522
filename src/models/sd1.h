#pragma once
#include "models/stable_diffusion.h"

namespace rankine {

/// Stable Diffusion 1.x: CLIP-L, a U-Net and an autoencoder (Rombach et al. 2022, arXiv:2112.10752).
extern const Family sd1_family;

std::shared_ptr<const Model> sd1_model(const StableDiffusionConfig& config);

}  // namespace rankine
