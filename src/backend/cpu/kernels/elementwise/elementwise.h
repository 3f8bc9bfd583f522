#pragma once
#include "backend/cpu/kernels/tensor_ptr.h"

namespace rankine::cpu {

enum class BinaryOp { add, sub, mul, div };

/// How b is spread over a, seen as [outer, inner, channels].
enum class Broadcast {
  none,            ///< b: [outer, inner, channels]
  scalar,          ///< b: one element
  channels,        ///< b: [channels], as a bias
  outer,           ///< b: [outer], as a factor per sample
  outer_channels,  ///< b: [outer, channels], as the time embedding's shift
};

/// The three axes to which a broadcast folds the shape of a.
struct BroadcastShape {
  int64_t outer = 1;
  int64_t inner = 1;
  int64_t channels = 1;
  int64_t count() const { return outer * inner * channels; }
};

/// y = a op b, where y has a's shape and type, and b is f32, bf16 or f16. y may be a.
void binary(BinaryOp op, Broadcast kind, In a, In b, Out y, const BroadcastShape& shape);

/// y[i] = alpha * a[i] + beta * b[i]. y has a's type and may be a: a sum in f32 can take bf16 terms.
void axpby(float alpha, In a, float beta, In b, Out y, int64_t n);

/// y[i] = scale * x[i]; between f32 and bf16 also a conversion. y may be x when their types are the same.
void scale(float scale, In x, Out y, int64_t n);

/// Converts n elements; rounded to nearest even where it narrows. x and y: f32, bf16 or f16 each.
void cast(const void* x, DType x_dtype, Out y, int64_t n);

/// The same in the calling thread alone.
void cast_in_thread(In x, Out y, int64_t n);

/// Copies bytes with all threads.
void copy_bytes(const void* x, void* y, int64_t bytes);

/// y[i] = value.
void fill(Out y, float value, int64_t n);

}  // namespace rankine::cpu
