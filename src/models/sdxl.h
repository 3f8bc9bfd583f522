#pragma once
#include "models/family.h"

namespace rankine {

/// Stable Diffusion XL: CLIP-L and OpenCLIP-bigG, a U-Net that reads sizes and a pooled text, and an autoencoder
/// (Podell et al. 2023, arXiv:2307.01952).
extern const Family sdxl_family;

}  // namespace rankine
