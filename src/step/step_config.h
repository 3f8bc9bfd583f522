#pragma once
#include <string>

#include "base/dtype.h"

namespace rankine {

/// Precision and memory of a training step, as flags describe them. Fields carry the names of sd-scripts' flags.
struct StepConfig {
  std::string mixed_precision = "no";  ///< compute type: "no" (fp32), "fp16" or "bf16"
  bool full_fp16 = false;              ///< trained weights and gradients are fp16 too; needs mixed_precision fp16
  bool full_bf16 = false;              ///< the same in bf16
  bool fp8_base = false;               ///< frozen weights of U-Net and text encoder rounded to float8_e4m3fn
  bool fp8_base_unet = false;          ///< of the U-Net alone, also with fp8_base
  bool gradient_checkpointing = false;
  std::string memory_budget = "auto";   ///< of the whole process: "6GiB", "900M", or what is free
  std::string device = "auto";          ///< as find_backend takes it
  std::string conv_algorithm = "auto";  ///< of 3x3 convolutions: "auto", "direct" or "winograd"
};

/// The type to compute in. Throws Error for a mixed_precision that is not built.
DType compute_type(const std::string& mixed_precision);

/// The type that LoRA weights are trained in, which is also the saved file's without save_precision.
DType trained_type(const StepConfig& config);

}  // namespace rankine
