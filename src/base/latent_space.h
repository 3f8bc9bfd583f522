#pragma once
#include <cstdint>
#include <string_view>

#include "base/size.h"

namespace rankine {

/// The space in which a family of models denoises. A latent of `channels` numbers stands for stride x stride pixels.
/// The defaults are the geometry of Stable Diffusion's autoencoder; data are checked with it if no model is known.
struct LatentSpace {
  int64_t channels = 4;
  int stride = 8;                            ///< pixels along one side of a latent
  int bucket_step = 8;                       ///< sides of buckets are multiples of this, in pixels
  float scale = 1;                           ///< the denoiser's latents are the autoencoder's times this
  std::string_view file_ending = "_sd.npz";  ///< of files with cached latents

  /// Width and height of a picture's latents.
  Size of(Size picture) const { return {picture.width / stride, picture.height / stride}; }
};

}  // namespace rankine
