#pragma once
#include "backend/backend.h"
#include "step/step_config.h"

namespace rankine {

/// Rounds frozen weights to float8_e4m3fn when they are read (--fp8_base, --fp8_base_unet), as torch's
/// module.to(torch.float8_e4m3fn) rounds every tensor of the U-Net and, with fp8_base alone, of the text encoder. The
/// VAE stays unchanged. The device chooses how to keep them in memory.
class Fp8Constants : public ConstantSource {
 public:
  /// `base` must outlive it.
  Fp8Constants(ConstantSource& base, const StepConfig& config)
      : base_(base), unet_(config.fp8_base || config.fp8_base_unet), text_(config.fp8_base && !config.fp8_base_unet) {}
  /// Throws Error for a value beyond the type's 448, which would become NaN.
  void read(std::string_view name, const Shape& shape, std::span<float> out) override;
  std::optional<StoredTensor> stored(std::string_view name) override {
    return is_rounded(name) ? std::nullopt : base_.stored(name);
  }
  void release(std::string_view name) override { base_.release(name); }

 private:
  bool is_rounded(std::string_view name) const {
    return (unet_ && name.starts_with("unet.")) || (text_ && name.starts_with("text_encoder"));
  }

  ConstantSource& base_;
  bool unet_, text_;
};

}  // namespace rankine
