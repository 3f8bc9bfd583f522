#pragma once
#include "backend/cpu/kernels/tensor_ptr.h"

namespace rankine::cpu {

/// silu: x sigmoid(x). gelu: x Phi(x) with the exact erf. quick_gelu: x sigmoid(1.702 x), CLIP's.
enum class Activation { silu, gelu, quick_gelu };

/// y[i] = f(x[i]) for n elements. x and y: f32, bf16 or f16 each; y may be x when their types are the same.
void activation(Activation f, In x, Out y, int64_t n);

/// dx[i] = dy[i] f'(x[i]). dx has x's type; dx may be x or dy when the types are the same.
void activation_backward(Activation f, In x, In dy, Out dx, int64_t n);

}  // namespace rankine::cpu
