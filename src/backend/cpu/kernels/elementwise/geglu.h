#pragma once
#include "backend/cpu/kernels/tensor_ptr.h"

namespace rankine::cpu {

/// y = a gelu(b), [a, b] the halves of x along its last axis, gelu with the exact erf (Shazeer 2020, arXiv:2002.05202).
/// x: [rows, 2 width], y: [rows, width], f32, bf16 or f16 each.
void geglu(In x, Out y, int64_t rows, int64_t width);

/// dx = [dy gelu(b), dy a gelu'(b)]. x, dx: [rows, 2 width] of one type, dx may be x; dy: [rows, width].
void geglu_backward(In x, In dy, Out dx, int64_t rows, int64_t width);

}  // namespace rankine::cpu
