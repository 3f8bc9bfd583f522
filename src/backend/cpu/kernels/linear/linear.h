#pragma once
#include <cstddef>
#include <cstdint>

#include "backend/cpu/kernels/linear/linear_isa.h"
#include "base/dtype.h"

namespace rankine::cpu {

/// y [rows, columns] = x [rows, depth] w + low b + bias + residual, where low [rows, rank] = x a. All of `dtype` with
/// f32 sums; x is read once for both products and y is written once. Without a LoRA the rank is 0.
struct LoraLinearShape {
  int64_t rows, depth, columns, rank;
  DType dtype;
};

/// The implementation for a type of element; null where this machine has none.
const ProductKernels* product_kernels(DType dtype);
/// True if this machine has the kernel (AVX512-BF16 for bf16, AVX2 for f32) and the shape fits it: sums of bf16 go over
/// pairs, so depth and rank must be even.
bool lora_linear_supported(const LoraLinearShape& shape);

/// Bytes of an operand packed into panels.
size_t packed_panel_bytes(DType dtype, int64_t depth, int64_t columns);
/// packed: packed_panel_bytes(), 64-byte aligned.
void pack_panels(DType dtype, const ProductOperand& operand, uint32_t* packed);

struct LoraLinearOperands {
  const void* x;         ///< [rows, depth]
  const uint32_t* w;     ///< [depth, columns], packed
  ProductOperand a, b;   ///< [depth, rank] and [rank, columns]; unused when the rank is 0
  const float* bias;     ///< [columns] or null
  const void* residual;  ///< [rows, columns] or null; may be y
  void* y;               ///< [rows, columns]
  void* low;             ///< [rows, rank]
};

size_t lora_linear_scratch_bytes(const LoraLinearShape& shape, int threads);
/// scratch: lora_linear_scratch_bytes() for the same number of threads, 64-byte aligned. The result does not depend on
/// the number of threads.
void lora_linear(const LoraLinearShape& shape, const LoraLinearOperands& operands, void* scratch, int threads);

/// dw [outputs, inputs] = dy^T x, in f32, of x [rows, inputs] and dy [rows, outputs] of `dtype`, one of them narrow:
/// the gradient of a LoRA's matrix. The wide one is read once.
struct LoraGradShape {
  int64_t rows, inputs, outputs;
  DType dtype;
};
/// True if this machine has the kernel; sums of bf16 go over pairs of rows, so they must be even.
bool lora_grad_w_supported(const LoraGradShape& shape);
size_t lora_grad_w_scratch_bytes(const LoraGradShape& shape, int threads);
/// scratch: lora_grad_w_scratch_bytes() for the same number of threads, 64-byte aligned. The result does not depend on
/// the number of threads.
void lora_grad_w(const LoraGradShape& shape, const void* x, const void* dy, float* dw, void* scratch, int threads);

}  // namespace rankine::cpu
