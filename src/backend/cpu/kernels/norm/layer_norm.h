#pragma once
#include <cstddef>

#include "backend/cpu/kernels/tensor_ptr.h"

namespace rankine::cpu {

/// y = (x - mean) * rstd * gain + bias over each row (Ba et al. 2016, arXiv:1607.06450). x, y: [rows, channels];
/// gain, bias: f32 [channels]; mean, rstd: f32 [rows], may be null when nobody wants them. y may be x.
void layer_norm(In x, const float* gain, const float* bias, float eps, Out y, float* mean, float* rstd, int64_t rows,
                int64_t channels);

/// Gradient of x from dy: [rows, channels], and the mean and rstd that layer_norm left. dx has x's type and may be x or
/// (when of the same type) dy.
void layer_norm_backward(In x, In dy, const float* gain, const float* mean, const float* rstd, Out dx, int64_t rows,
                         int64_t channels);

/// Bytes of scratch for layer_norm_backward_parameters.
size_t layer_norm_scratch_bytes(int64_t rows, int64_t channels);

/// Gradients of gain and bias, f32 [channels]; overwrites them.
void layer_norm_backward_parameters(In x, In dy, const float* mean, const float* rstd, float* dgain, float* dbias,
                                    int64_t rows, int64_t channels, void* scratch);

}  // namespace rankine::cpu
