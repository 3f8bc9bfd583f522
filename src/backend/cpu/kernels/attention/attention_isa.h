#pragma once
#include <cstddef>
#include <cstdint>

#include "backend/cpu/kernels/attention/attention.h"

// The interface of an implementation of attention. The driver in attention.cpp splits the work over threads. This
// header is compiled for several instruction sets: it holds types and constants, and no function that a linker could
// merge.
namespace rankine {

/// The tile of queries and keys: an f32 tile of scores is 16 KiB and stays in the first-level
/// cache.
constexpr int64_t kAttentionTile = 64;

/// The tensors of one head of one batch entry, at its first token. The backward ones are null in the forward pass.
struct AttentionHead {
  const void* q;
  const void* k;
  const void* v;
  void* out;         ///< written by the forward pass, read by the backward one
  float* lse;        ///< [query_length], likewise
  const void* dout;  ///< [query_length, head_size] at output_stride
  void* dq;
  void* dk;
  void* dv;
};

/// Bytes of one implementation's memory, each a multiple of 64.
struct AttentionMemory {
  size_t packed;    ///< one head in the layout that its kernels read
  size_t thread;    ///< tiles of one thread
  size_t dq_terms;  ///< f32 sums of dq over a part of one head's keys
};

struct AttentionKernels {
  AttentionMemory (*memory)(const AttentionShape&, bool backward);

  /// Reorders a head; `packed` is then only read.
  void (*pack_forward)(const AttentionShape&, const AttentionHead&, void* packed);
  /// out and lse of the queries from query_begin (a multiple of the tile) to query_end.
  void (*forward)(const AttentionShape&, const AttentionHead&, const void* packed, int64_t query_begin,
                  int64_t query_end, void* thread);

  void (*pack_backward)(const AttentionShape&, const AttentionHead&, void* packed);
  /// dk and dv of the keys from key_begin (a multiple of the tile) to key_end, and their terms of dq.
  void (*backward)(const AttentionShape&, const AttentionHead&, const void* packed, int64_t key_begin, int64_t key_end,
                   void* dq_terms, void* thread);
  /// dq of the head, as the sum of `parts` terms laid one behind the other.
  void (*store_dq)(const AttentionShape&, const AttentionHead&, const void* dq_terms, int64_t parts, void* thread);
};

/// f32 arithmetic, tensors of f32, bf16 or f16.
const AttentionKernels& portable_attention(DType dtype);

/// Null if the compiler or the processor lacks AVX512-BF16.
const AttentionKernels* avx512_bf16_attention();

/// Null if the compiler, the processor or the operating system lacks AMX's tiles of bf16.
const AttentionKernels* amx_bf16_attention();

}  // namespace rankine
