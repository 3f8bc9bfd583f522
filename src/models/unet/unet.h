#pragma once
#include <vector>

#include "models/blocks/scope.h"

namespace rankine {

/// Sizes of a Stable Diffusion 1.x U-Net.
struct UNetConfig {
  std::vector<int64_t> channels = {320, 640, 1280, 1280};  // one per level; all but the last have attention
  int64_t context_width = 768;
  int64_t heads = 8;
  int64_t latent_channels = 4;
};

/// The noise predictor (Rombach et al. 2022, arXiv:2112.10752). latents: [N, h, w, 4] in the compute type, timesteps:
/// f32 [N], context: [N, L, context_width] -> [N, h, w, 4]. Module names are diffusers' below `s`.
Value unet(const Scope& s, const UNetConfig& config, Value latents, Value timesteps, Value context);

}  // namespace rankine
