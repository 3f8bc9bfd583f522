#pragma once
#include <string>

#include "models/family.h"

namespace rankine::test {

/// A family that has nothing in common with Stable Diffusion: two text encoders that read bytes, latents of 3 channels
/// for 4 x 4 pixels, an autoencoder without weights, and one adapted layer in each part.
extern const Family toy_family;

/// Writes a checkpoint of the family.
void write_toy_checkpoint(const std::string& path);

}  // namespace rankine::test
