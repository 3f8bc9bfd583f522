#include "backend/cpu/kernels/attention/attention.h"

#include <omp.h>

#include <algorithm>
#include <type_traits>

#include "backend/cpu/kernels/attention/attention_isa.h"
#include "backend/cpu/processor.h"
#include "base/error.h"

namespace rankine {
namespace {

/// Null where this processor cannot run `isa`, or not on tensors of `dtype`.
const AttentionKernels* kernels_of(AttentionIsa isa, DType dtype) {
  const bool bf16 = dtype == DType::bf16;
  const cpu::InstructionSet set = cpu::instruction_set();
  switch (isa) {
    case AttentionIsa::portable:
      return &portable_attention(dtype);
    case AttentionIsa::avx512_bf16:
      return bf16 && set >= cpu::InstructionSet::avx512_bf16 ? avx512_bf16_attention() : nullptr;
    case AttentionIsa::amx_bf16:
      return bf16 && set >= cpu::InstructionSet::amx_bf16 ? amx_bf16_attention() : nullptr;
    case AttentionIsa::best:
      break;
  }
  for (const AttentionIsa fast : {AttentionIsa::amx_bf16, AttentionIsa::avx512_bf16})
    if (const AttentionKernels* kernels = kernels_of(fast, dtype)) return kernels;
  return &portable_attention(dtype);
}

const AttentionKernels& kernels_for(AttentionIsa isa, DType dtype) {
  check(dtype == DType::f32 || dtype == DType::bf16 || dtype == DType::f16,
        "attention: tensors must be f32, bf16 or f16, got ", dtype);
  const AttentionKernels* const kernels = kernels_of(isa, dtype);
  check(kernels != nullptr, "attention: ", name_of(isa), " was asked for, but ",
        dtype == DType::bf16 ? "this processor does not have it" : "it computes on bf16 tensors only");
  return *kernels;
}

void check_shape(const AttentionShape& s) {
  check(s.batch > 0 && s.query_length > 0 && s.key_length > 0 && s.heads > 0 && s.head_size > 0,
        "attention: every size must be positive, got batch ", s.batch, ", queries ", s.query_length, ", keys ",
        s.key_length, ", heads ", s.heads, ", head size ", s.head_size);
  check(s.scale > 0, "attention: the scale must be positive, got ", s.scale);
  const int64_t row = s.heads * s.head_size;
  check(std::min({s.query_stride, s.key_stride, s.value_stride, s.output_stride}) >= row,
        "attention: a token has heads * head_size = ", row, " elements, so no stride may be smaller; got q ",
        s.query_stride, ", k ", s.key_stride, ", v ", s.value_stride, ", out ", s.output_stride);
}

/// How a call is split into independent items (head, part), and where each finds its memory.
struct Schedule {
  int64_t heads;        // batch * heads
  int64_t parts;        // of the queries (forward) or keys (backward) of a head
  int64_t part_length;  // a multiple of the tile
  bool share_packed;    // packed heads are shared by the parts, else each thread packs the head it works on
  AttentionMemory memory;
  size_t packed_count, dq_count;

  size_t bytes(int threads) const {
    return packed_count * memory.packed + dq_count * memory.dq_terms + static_cast<size_t>(threads) * memory.thread;
  }
};

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

Schedule make_schedule(const AttentionShape& s, const AttentionKernels& kernels, bool backward, int threads) {
  Schedule plan{};
  plan.heads = s.batch * s.heads;
  const int64_t tiles = divide_up(backward ? s.key_length : s.query_length, kAttentionTile);
  // A forward part costs only its packing, so there may be many of them to even out the threads. A backward part has
  // its own sums of dq, so there are only as many as needed to occupy every thread.
  const bool even = plan.heads % threads == 0 && !s.causal;
  int64_t parts = 1;
  if (backward) {
    if (plan.heads < threads) parts = divide_up(threads, plan.heads);
  } else if (!even) {
    parts = divide_up(4 * threads, plan.heads);
  }
  plan.part_length = divide_up(tiles, std::clamp<int64_t>(parts, 1, tiles)) * kAttentionTile;
  plan.parts = divide_up(tiles * kAttentionTile, plan.part_length);
  plan.share_packed = plan.parts > 1;
  plan.memory = kernels.memory(s, backward);
  plan.packed_count = static_cast<size_t>(plan.share_packed ? plan.heads : threads);
  plan.dq_count = backward ? static_cast<size_t>(plan.share_packed ? plan.heads * plan.parts : threads) : 0;
  return plan;
}

/// The scratch, cut up. Everything in it is a multiple of 64 bytes.
struct Memory {
  char* packed;
  char* dq_terms;
  char* threads;

  Memory(const Schedule& plan, const AttentionScratch& scratch)
      : packed(static_cast<char*>(scratch.data)),
        dq_terms(packed + plan.packed_count * plan.memory.packed),
        threads(dq_terms + plan.dq_count * plan.memory.dq_terms) {
    check(scratch.threads > 0 && scratch.bytes >= plan.bytes(scratch.threads), "attention: the scratch has ",
          scratch.bytes, " bytes for ", scratch.threads, " threads but needs ", plan.bytes(scratch.threads),
          ": ask attention_scratch_bytes for the same shape, type, pass and threads");
    check(reinterpret_cast<uintptr_t>(scratch.data) % 64 == 0, "attention: the scratch must be aligned to 64 bytes");
  }
};

template <class Void>
Void* advance(Void* base, int64_t elements, size_t element_bytes) {
  using Byte = std::conditional_t<std::is_const_v<Void>, const char, char>;
  return base ? static_cast<Byte*>(base) + elements * static_cast<int64_t>(element_bytes) : nullptr;
}

/// Of the whole tensors `all`, the head with index `index` in [0, batch * heads).
AttentionHead head_at(const AttentionShape& s, DType dtype, const AttentionHead& all, int64_t index) {
  const size_t bytes = size_of(dtype);
  const int64_t n = index / s.heads;
  const int64_t column = index % s.heads * s.head_size;
  const int64_t query = n * s.query_length * s.query_stride + column;
  const int64_t key = n * s.key_length * s.key_stride + column;
  const int64_t value = n * s.key_length * s.value_stride + column;
  const int64_t output = n * s.query_length * s.output_stride + column;
  return {.q = advance(all.q, query, bytes),
          .k = advance(all.k, key, bytes),
          .v = advance(all.v, value, bytes),
          .out = advance(all.out, output, bytes),
          .lse = all.lse + index * s.query_length,
          .dout = advance(all.dout, output, bytes),
          .dq = advance(all.dq, query, bytes),
          .dk = advance(all.dk, key, bytes),
          .dv = advance(all.dv, value, bytes)};
}

}  // namespace

std::string_view name_of(AttentionIsa isa) {
  switch (isa) {
    case AttentionIsa::best:
      break;
    case AttentionIsa::portable:
      return "portable";
    case AttentionIsa::avx512_bf16:
      return "avx512_bf16";
    case AttentionIsa::amx_bf16:
      return "amx_bf16";
  }
  return "best";
}

bool attention_isa_available(AttentionIsa isa, DType dtype) { return kernels_of(isa, dtype) != nullptr; }

size_t attention_scratch_bytes(const AttentionShape& shape, DType dtype, bool backward, int threads, AttentionIsa isa) {
  check_shape(shape);
  check(threads > 0, "attention: the number of threads must be positive, got ", threads);
  return make_schedule(shape, kernels_for(isa, dtype), backward, threads).bytes(threads);
}

void attention_forward(const AttentionShape& shape, DType dtype, const void* q, const void* k, const void* v, void* out,
                       float* lse, const AttentionScratch& scratch, AttentionIsa isa) {
  check_shape(shape);
  const AttentionKernels& kernels = kernels_for(isa, dtype);
  const Schedule plan = make_schedule(shape, kernels, /*backward=*/false, std::max(scratch.threads, 1));
  const Memory memory(plan, scratch);
  const AttentionHead all{
      .q = q, .k = k, .v = v, .out = out, .lse = lse, .dout = nullptr, .dq = nullptr, .dk = nullptr, .dv = nullptr};
#pragma omp parallel num_threads(scratch.threads)
  {
    const size_t thread = static_cast<size_t>(omp_get_thread_num());
    if (plan.share_packed) {
#pragma omp for schedule(dynamic, 1)
      for (int64_t h = 0; h < plan.heads; ++h)
        kernels.pack_forward(shape, head_at(shape, dtype, all, h), memory.packed + h * plan.memory.packed);
    }
#pragma omp for schedule(dynamic, 1)
    for (int64_t item = 0; item < plan.heads * plan.parts; ++item) {
      const int64_t h = item / plan.parts;
      // Under a causal mask later queries take longer: begin with them.
      const int64_t part = plan.parts - 1 - item % plan.parts;
      const AttentionHead head = head_at(shape, dtype, all, h);
      char* const packed = memory.packed + (plan.share_packed ? static_cast<size_t>(h) : thread) * plan.memory.packed;
      if (!plan.share_packed) kernels.pack_forward(shape, head, packed);
      const int64_t begin = part * plan.part_length;
      const int64_t end = std::min(begin + plan.part_length, shape.query_length);
      kernels.forward(shape, head, packed, begin, end, memory.threads + thread * plan.memory.thread);
    }
  }
}

void attention_backward(const AttentionShape& shape, DType dtype, const void* q, const void* k, const void* v,
                        const void* out, const float* lse, const void* dout, void* dq, void* dk, void* dv,
                        const AttentionScratch& scratch, AttentionIsa isa) {
  check_shape(shape);
  const AttentionKernels& kernels = kernels_for(isa, dtype);
  const Schedule plan = make_schedule(shape, kernels, /*backward=*/true, std::max(scratch.threads, 1));
  const Memory memory(plan, scratch);
  // The backward kernels only read out and lse.
  const AttentionHead all{.q = q,
                          .k = k,
                          .v = v,
                          .out = const_cast<void*>(out),
                          .lse = const_cast<float*>(lse),
                          .dout = dout,
                          .dq = dq,
                          .dk = dk,
                          .dv = dv};
#pragma omp parallel num_threads(scratch.threads)
  {
    const size_t thread = static_cast<size_t>(omp_get_thread_num());
    char* const tiles = memory.threads + thread * plan.memory.thread;
    if (plan.share_packed) {
#pragma omp for schedule(dynamic, 1)
      for (int64_t h = 0; h < plan.heads; ++h)
        kernels.pack_backward(shape, head_at(shape, dtype, all, h), memory.packed + h * plan.memory.packed);
    }
#pragma omp for schedule(dynamic, 1)
    for (int64_t item = 0; item < plan.heads * plan.parts; ++item) {
      const int64_t h = item / plan.parts;
      const int64_t begin = item % plan.parts * plan.part_length;
      const int64_t end = std::min(begin + plan.part_length, shape.key_length);
      const AttentionHead head = head_at(shape, dtype, all, h);
      char* const packed = memory.packed + (plan.share_packed ? static_cast<size_t>(h) : thread) * plan.memory.packed;
      char* const dq_terms =
          memory.dq_terms + (plan.share_packed ? static_cast<size_t>(item) : thread) * plan.memory.dq_terms;
      if (!plan.share_packed) kernels.pack_backward(shape, head, packed);
      kernels.backward(shape, head, packed, begin, end, dq_terms, tiles);
      if (!plan.share_packed) kernels.store_dq(shape, head, dq_terms, 1, tiles);
    }
    if (plan.share_packed) {
#pragma omp for schedule(dynamic, 1)
      for (int64_t h = 0; h < plan.heads; ++h)
        kernels.store_dq(shape, head_at(shape, dtype, all, h), memory.dq_terms + h * plan.parts * plan.memory.dq_terms,
                         plan.parts, tiles);
    }
  }
}

}  // namespace rankine
