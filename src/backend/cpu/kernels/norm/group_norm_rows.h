#pragma once
#include "backend/cpu/kernels/tensor_ptr.h"

namespace rankine::cpu {

/// Pixels of which a kernel handles the first `channels` elements; `stride` elements from one to the next.
struct InRows {
  In data;
  int64_t stride = 0;
};
struct OutRows {
  Out data;
  int64_t stride = 0;
};

/// Numbers of each channel, all f32 [channels].
struct NormChannels {
  const float* mean = nullptr;
  const float* rstd = nullptr;
  const float* gain = nullptr;
  const float* bias = nullptr;
};

/// For each channel over a piece's pixels: the sum of x, and the sum of squared distances from the piece's own mean.
void group_norm_statistics_rows(InRows x, int64_t pixels, int64_t channels, float* sum, float* squares);

/// y = f((x - mean) * rstd * gain + bias).
void group_norm_rows(InRows x, OutRows y, int64_t pixels, int64_t channels, const NormChannels& norm, bool silu);

/// For each channel: the sums of dz and of dz * xhat, where z is the value before the activation.
void group_norm_gradient_sums_rows(InRows x, InRows dy, int64_t pixels, int64_t channels, const NormChannels& norm,
                                   bool silu, float* sum, float* sum_xhat);

/// dx = rstd * gain * dz - mean_part - xhat * slope_part.
void group_norm_gradient_rows(InRows x, InRows dy, OutRows dx, int64_t pixels, int64_t channels,
                              const NormChannels& norm, const float* mean_part, const float* slope_part, bool silu);

}  // namespace rankine::cpu
