#pragma once
#include "models/family.h"

namespace rankine {

/// Stable Diffusion 2.0 and 2.1: OpenCLIP-H, a U-Net and the autoencoder of SD 1.x. Models for 768 x 768 pixels predict
/// velocity.
extern const Family sd2_family;

}  // namespace rankine
