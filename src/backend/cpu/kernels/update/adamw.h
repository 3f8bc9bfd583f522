#pragma once
#include <cstdint>

namespace rankine::cpu {

/// One AdamW step as torch.optim.AdamW takes it (decoupled weight decay: Loshchilov & Hutter 2017, arXiv:1711.05101).
struct AdamWStep {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 1e-2;
  int64_t step = 1;             ///< counted from 1
  double gradient_scale = 1.0;  ///< multiplies the gradient first: clipping, mean over accumulated batches
};

/// Updates n parameters and their two moments in place. All arrays: f32 [n].
void adamw_update(const AdamWStep& step, float* parameters, float* exp_avg, float* exp_avg_sq, const float* gradient,
                  int64_t n);

/// The factors of one step of 8-bit AdamW as bitsandbytes orders it; bias corrections are in `least` and `amount`.
struct QuantizedAdamW {
  float keep1, new1;     ///< beta1 and 1 - beta1
  float keep2, new2;     ///< beta2 and 1 - beta2
  float gradient_scale;  ///< multiplies the gradient first
  float least;           ///< added to the root of v
  float amount;          ///< of m / (sqrt(v) + least), taken from the parameter
  float decay;           ///< the parameter is multiplied by it in the end
};

/// Updates n parameters and their moments, unpacked, in place, on the calling thread. All arrays: f32 [n].
void quantized_adamw(const QuantizedAdamW& factors, float* parameters, float* exp_avg, float* exp_avg_sq,
                     const float* gradient, int64_t n);

}  // namespace rankine::cpu
