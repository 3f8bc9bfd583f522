#pragma once
#include <memory>
#include <span>
#include <string>

#include "backend/backend.h"
#include "io/image.h"
#include "models/model.h"

namespace rankine {

/// The autoencoder's decoder on a device. The destructor frees its memory.
class PictureDecoder {
 public:
  /// `constants` must outlive it. `compute` is the type of weights and activations; `conv_algorithm` says how 3x3
  /// convolutions are computed: "auto", "direct" or "winograd".
  PictureDecoder(const Backend& backend, ConstantSource& constants, std::shared_ptr<const Model> model, DType compute,
                 std::string conv_algorithm = "auto");
  ~PictureDecoder();

  /// Decodes latents [h, w, channels], in the denoiser's scale. Compiles again if the size changes.
  Image decode(std::span<const float> latents, int width, int height);

  /// The latents' size of the compiled program.
  MemoryUse memory() const;

  /// Bytes of weights, activations and working memory for decoding pictures of a size.
  static size_t bytes(const Backend& backend, const Model& model, DType compute, const std::string& conv_algorithm,
                      int width, int height);

 private:
  struct Program;

  const Backend& backend_;
  ConstantSource& constants_;
  std::shared_ptr<const Model> model_;
  DType compute_;
  std::string conv_algorithm_;
  std::unique_ptr<Program> program_;
};

/// [H, W, 3] about [-1, 1] -> 8-bit RGB.
Image image_from(std::span<const float> values, int width, int height);

}  // namespace rankine
