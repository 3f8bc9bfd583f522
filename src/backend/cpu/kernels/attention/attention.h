#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/dtype.h"

namespace rankine {

/// Sizes of scaled dot-product attention. Token t of batch n begins at element (n * length + t) * stride, and head h of
/// it at h * head_size further on; so q, k and v may be slices of one fused projection.
struct AttentionShape {
  int64_t batch = 1;
  int64_t query_length = 0;
  int64_t key_length = 0;
  int64_t heads = 1;
  int64_t head_size = 0;
  float scale = 1.0f;   ///< multiplies q k^T, usually 1 / sqrt(head_size)
  bool causal = false;  ///< query i sees keys 0 ... i
  /// Elements from one token to the next, at least heads * head_size; a gradient has the stride of its value.
  int64_t query_stride = 0;
  int64_t key_stride = 0;
  int64_t value_stride = 0;
  int64_t output_stride = 0;
};

/// Which implementation runs. `best` is the fastest that this processor has for the element type.
enum class AttentionIsa : uint8_t {
  best,
  portable,     ///< f32 arithmetic at the widest vectors found at run time
  avx512_bf16,  ///< products of bf16 pairs summed in f32; needs bf16 tensors
  amx_bf16,     ///< the same, by tiles of 16 x 16 sums
};

/// As the enum has it; "best" for `best`.
std::string_view name_of(AttentionIsa isa);

/// True if this processor can run `isa` on tensors of `dtype`.
bool attention_isa_available(AttentionIsa isa, DType dtype);

/// Working memory, allocated once by the caller: at least attention_scratch_bytes(...) for the same shape, type and
/// threads.
struct AttentionScratch {
  void* data = nullptr;  ///< aligned to 64 bytes
  size_t bytes = 0;
  int threads = 1;  ///< how many OpenMP threads a call uses
};

/// Bytes that attention_forward (or attention_backward) needs. Throws Error on a shape or type it cannot compute.
size_t attention_scratch_bytes(const AttentionShape& shape, DType dtype, bool backward, int threads,
                               AttentionIsa isa = AttentionIsa::best);

/// out = softmax(scale * q k^T) v for each head, tile by tile, never holding a query_length x key_length matrix
/// (FlashAttention-2, Dao 2023, arXiv:2307.08691, algorithm 1).
///   q: [batch, query_length, heads * head_size];  k, v: [batch, key_length, heads * head_size];  out like q; all f32
///   or bf16 lse: f32 [batch, heads, query_length], the natural logarithm of the sum of exp(scale * q k^T) over the
///   keys
/// The result does not depend on the number of threads. Allocates nothing. Throws Error on a wrong shape, type or
/// scratch.
void attention_forward(const AttentionShape& shape, DType dtype, const void* q, const void* k, const void* v, void* out,
                       float* lse, const AttentionScratch& scratch, AttentionIsa isa = AttentionIsa::best);

/// The gradients dq, dk, dv of the above, from its inputs, its results and dout (arXiv:2307.08691, algorithm 2).
/// The same threads give the same bits; another number of threads may sum dq in another order.
void attention_backward(const AttentionShape& shape, DType dtype, const void* q, const void* k, const void* v,
                        const void* out, const float* lse, const void* dout, void* dq, void* dk, void* dv,
                        const AttentionScratch& scratch, AttentionIsa isa = AttentionIsa::best);

}  // namespace rankine
