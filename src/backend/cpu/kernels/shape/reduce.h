#pragma once
#include <cstddef>

#include "backend/cpu/kernels/tensor_ptr.h"

namespace rankine::cpu {

/// Sum of n elements, summed in double; the same for every number of threads, as everything in this file.
double sum_all(In x, int64_t n);

/// Sum of n squares in double. Not finite when an element is not.
double sum_squares(In x, int64_t n);

/// y[o] = sum of x[o, :]. x: [outer, inner], y: f32, bf16 or f16 [outer].
void sum_inner(In x, Out y, int64_t outer, int64_t inner);

/// Bytes of scratch for sum_middle.
size_t sum_middle_scratch_bytes(int64_t outer, int64_t inner, int64_t channels);

/// y[o, c] = sum over i of x[o, i, c]: the gradient of a bias (outer = 1) or of a shift per sample and channel.
/// x: [outer, inner, channels], y: f32, bf16 or f16 [outer, channels].
void sum_middle(In x, Out y, int64_t outer, int64_t inner, int64_t channels, void* scratch);

/// loss[n] = mean over the sample of (prediction - target)^2. prediction, target: [samples, elements] (f32, bf16 or f16
/// each), loss: f32 [samples].
void mse_per_sample(In prediction, In target, float* loss, int64_t samples, int64_t elements);

/// d(prediction) = 2 / elements * dloss[n] * (prediction - target); has the prediction's type.
void mse_per_sample_backward(In prediction, In target, const float* dloss, Out dprediction, int64_t samples,
                             int64_t elements);

}  // namespace rankine::cpu
