#include "step/step_config.h"

#include "base/error.h"

namespace rankine {

DType compute_type(const std::string& mixed_precision) {
  if (mixed_precision == "no") return DType::f32;
  if (mixed_precision == "fp16") return DType::f16;
  check(mixed_precision == "bf16", "--mixed_precision must be no, fp16 or bf16, got \"", mixed_precision, "\"");
  return DType::bf16;
}

DType trained_type(const StepConfig& config) {
  if (config.full_fp16) return DType::f16;
  return config.full_bf16 ? DType::bf16 : DType::f32;
}

}  // namespace rankine
