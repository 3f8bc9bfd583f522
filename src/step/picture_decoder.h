#pragma once
#include <memory>
#include <span>

#include "backend/backend.h"
#include "io/image.h"
#include "step/autoencoder_graph.h"

namespace rankine {

/// The autoencoder's decoder on a device. The destructor frees its memory.
class PictureDecoder {
 public:
  /// `backend` and `constants` must outlive it.
  PictureDecoder(const Backend& backend, ConstantSource& constants, AutoencoderSettings settings);
  ~PictureDecoder();

  /// Decodes latents [h, w, channels], in the denoiser's scale. Compiles again if the size changes.
  Image decode(std::span<const float> latents, Size picture);

  /// The latents' size of the compiled program.
  MemoryUse memory() const;

  /// Bytes of weights, activations and working memory for decoding pictures of a size.
  static size_t bytes(const Backend& backend, const AutoencoderSettings& settings, Size picture);

 private:
  struct Program;

  const Backend& backend_;
  ConstantSource& constants_;
  AutoencoderSettings settings_;
  std::unique_ptr<Program> program_;
};

/// [H, W, 3] about [-1, 1] -> 8-bit RGB.
Image image_from(std::span<const float> values, int width, int height);

}  // namespace rankine
