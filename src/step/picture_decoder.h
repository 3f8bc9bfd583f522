#pragma once
#include <memory>
#include <span>
#include <string>

#include "backend/backend.h"
#include "io/image.h"
#include "models/model.h"

namespace rankine {

/// The autoencoder's decoder on a device. Its memory is free again when it is gone.
class PictureDecoder {
 public:
  /// `constants` must outlive it. `compute` is the type of weights and activations; `conv_algorithm` says how 3x3
  /// convolutions are computed: "auto", "direct" or "winograd".
  PictureDecoder(const Backend& backend, ConstantSource& constants, std::shared_ptr<const Model> model, DType compute,
                 std::string conv_algorithm = "auto");
  ~PictureDecoder();

  /// latents [h, w, channels], as the denoiser knows them -> the picture. Compiled anew when the size changes.
  Image decode(std::span<const float> latents, int width, int height);

  /// What the program of the last size holds.
  MemoryUse memory() const;

  /// Bytes of weights, activations and working memory that decoding pictures of a size takes.
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
