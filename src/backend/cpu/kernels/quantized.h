#pragma once
#include <cstdint>

namespace rankine::cpu {

/// The factors of one AdamW step as bitsandbytes orders it, without bias corrections left: they are in `least` and
/// `amount`.
struct QuantizedAdamW {
  float keep1, new1;     ///< beta1 and 1 - beta1
  float keep2, new2;     ///< beta2 and 1 - beta2
  float gradient_scale;  ///< multiplies the gradient first
  float least;           ///< added to the root of v
  float amount;          ///< of m / (sqrt(v) + least), taken from the weight
  float decay;           ///< the weight is multiplied by it in the end
};

/// Updates n weights and their moments, unpacked, in place. All arrays: f32 [n].
void quantized_adamw(const QuantizedAdamW& factors, float* w, float* m, float* v, const float* g, int64_t n);

/// Divides n values by their largest magnitude and returns that; zeros stay zeros.
float divide_by_largest(float* values, int64_t n);

}  // namespace rankine::cpu
