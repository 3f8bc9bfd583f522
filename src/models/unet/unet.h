#pragma once
#include <vector>

#include "models/blocks/scope.h"

namespace rankine {

/// Sizes of Stable Diffusion's U-Net. The defaults are those of SD 1.x.
struct UNetConfig {
  std::vector<int64_t> channels = {320, 640, 1280, 1280};  // one per level
  std::vector<int64_t> depths = {1, 1, 1, 0};              // transformer blocks in each attention of a level; 0: none
  int64_t middle_depth = 1;
  int64_t context_width = 768;
  int64_t heads = 8;      // everywhere; ignored if head_size is set
  int64_t head_size = 0;  // width of each head
  int64_t latent_channels = 4;
  bool linear_projections = false;  // of transformers, into and out of them; else 1x1 convolutions

  int64_t heads_of(int64_t width) const { return head_size ? width / head_size : heads; }
};

/// The noise predictor (Rombach et al. 2022, arXiv:2112.10752). latents: [N, h, w, 4] in the compute type, timesteps:
/// f32 [N], context: [N, L, context_width] -> [N, h, w, 4]. `vector`: [N, D] of SDXL in the compute type, which joins
/// the time embedding; none in others. Module names are diffusers' below `s`.
Value unet(const Scope& s, const UNetConfig& config, Value latents, Value timesteps, Value context, Value vector = {});

}  // namespace rankine
