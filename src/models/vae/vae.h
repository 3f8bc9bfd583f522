#pragma once
#include <vector>

#include "models/blocks/scope.h"

namespace rankine {

/// Sizes of Stable Diffusion's autoencoder.
struct VaeConfig {
  std::vector<int64_t> channels = {128, 256, 512, 512};
  int64_t latent_channels = 4;
};

/// images: [N, H, W, 3] in [-1, 1] -> moments [N, H/8, W/8, 8]: mean and log-variance (to be clamped to [-30, 20]) of
/// the latents, before the scale factor (Kingma & Welling 2013, arXiv:1312.6114).
Value vae_encode(const Scope& s, const VaeConfig& config, Value images);
/// latents: [N, h, w, 4], already divided by the scale factor -> images [N, 8h, 8w, 3], about [-1, 1].
Value vae_decode(const Scope& s, const VaeConfig& config, Value latents);

}  // namespace rankine
