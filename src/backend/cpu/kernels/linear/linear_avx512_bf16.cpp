// Products on processors that multiply pairs of bf16 and add both to an f32 (vdpbf16ps).
//
// Only this file is compiled for AVX-512, and from the pragma on. What it uses is its own and internal, so that no
// function another file could share is compiled for a processor that may not be there.
#include "backend/cpu/kernels/linear/linear_isa.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
// GCC 12's own intrinsics name a variable that is uninitialised on purpose (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#pragma GCC push_options
#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")

#include "backend/cpu/kernels/avx512-inl.h"
#include "backend/cpu/kernels/linear/linear_tiles-inl.h"

namespace rankine {
namespace {

const uint16_t* bf16(const void* data) { return static_cast<const uint16_t*>(data); }

/// A pair of bf16, neighbours along the depth, per word.
struct Avx512Bf16 {
  using Element = uint16_t;
  using Vector = __m512;
  using Words = __m512bh;
  static constexpr int64_t kLanes = 16, kElements = 2;
  /// Four vectors of sums for each row of a tile.
  static constexpr int64_t kPanelColumns = 64;
  /// A longer depth is summed in parts of so many pairs, so that a part of a panel stays in the second-level cache.
  static constexpr int64_t kPart = 320;

  static Vector zero() { return _mm512_setzero_ps(); }
  static Vector add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
  static Vector add_product(Vector sum, Words w, Words x) { return _mm512_dpbf16_ps(sum, w, x); }
  static Words words(const uint32_t* w) { return (__m512bh)_mm512_loadu_si512(w); }
  static Words broadcast(const uint16_t* x) {
    int pair;
    __builtin_memcpy(&pair, x, sizeof pair);
    return (__m512bh)_mm512_set1_epi32(pair);
  }
  static Vector load_aligned(const float* from) { return _mm512_load_ps(from); }
  static void store_aligned(float* to, Vector values) { _mm512_store_ps(to, values); }

  /// A masked access does not touch what lies behind the tensor.
  static __mmask16 first_lanes(int64_t count) { return lane_mask(count); }
  [[gnu::always_inline]] static Vector load(const float* from, __mmask16 lanes) {
    return _mm512_maskz_loadu_ps(lanes, from);
  }
  [[gnu::always_inline]] static Vector load(const uint16_t* from, __mmask16 lanes) {
    const __m256i halves = _mm256_maskz_loadu_epi16(lanes, from);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
  }
  [[gnu::always_inline]] static void store(float* to, Vector values, __mmask16 lanes) {
    _mm512_mask_storeu_ps(to, lanes, values);
  }
  [[gnu::always_inline]] static void store(uint16_t* to, Vector values, __mmask16 lanes) {
    _mm256_mask_storeu_epi16(to, lanes, (__m256i)_mm512_cvtneps_pbh(values));
  }

  /// Stored as [columns, depth]: pairs of the depth are neighbours already.
  static void pack_transposed(const ProductOperand& w, int64_t first, uint32_t* panel) {
    const int64_t pairs = w.depth / 2;
    for (int64_t v = 0; v < kPanelColumns; v += kLanes) {
      const int64_t columns = smaller(kLanes, w.columns - first - v);
      for (int64_t p = 0; p < pairs; p += kLanes) {
        const __mmask16 mask = first_lanes(pairs - p);
        __m512i rows[16];
        for (int64_t c = 0; c < kLanes; ++c)
          rows[c] = c < columns ? _mm512_maskz_loadu_epi32(mask, bf16(w.values) + (first + v + c) * w.row + 2 * p)
                                : _mm512_setzero_si512();
        transpose(rows);
        const int64_t count = smaller(kLanes, pairs - p);
        for (int64_t i = 0; i < count; ++i) _mm512_storeu_si512(panel + (p + i) * kPanelColumns + v, rows[i]);
      }
    }
  }
  /// Stored as [depth, columns]: a pair is one number of each of two rows.
  static void pack_straight(const ProductOperand& w, int64_t first, uint32_t* panel) {
    alignas(64) uint16_t order[2][32];
    for (int half = 0; half < 2; ++half)
      for (int i = 0; i < 16; ++i) {
        order[half][2 * i] = static_cast<uint16_t>(16 * half + i);
        order[half][2 * i + 1] = static_cast<uint16_t>(32 + 16 * half + i);
      }
    const __m512i low = _mm512_load_si512(order[0]), high = _mm512_load_si512(order[1]);
    const __mmask32 masks[2] = {low_bits(w.columns - first), low_bits(w.columns - first - 32)};
    for (int64_t p = 0; p < w.depth / 2; ++p) {
      const uint16_t* row = bf16(w.values) + 2 * p * w.row + first;
      for (int64_t half = 0; half < 2; ++half) {
        // A masked load does not touch what lies behind the tensor.
        const __m512i even = _mm512_maskz_loadu_epi16(masks[half], row + 32 * half);
        const __m512i odd = _mm512_maskz_loadu_epi16(masks[half], row + w.row + 32 * half);
        uint32_t* out = panel + p * kPanelColumns + 32 * half;
        _mm512_storeu_si512(out, _mm512_permutex2var_epi16(even, low, odd));
        _mm512_storeu_si512(out + kLanes, _mm512_permutex2var_epi16(even, high, odd));
      }
    }
  }

  template <class Task, class... Part>
  static void rows_by_vectors(const Task& t, Part... part) {
    switch ((t.columns + kLanes - 1) / kLanes) {  // the sums fill 24 of the 32 registers
      case 4:
        return all_rows<Avx512Bf16, 6, 4>(t, part...);
      case 3:
        return all_rows<Avx512Bf16, 8, 3>(t, part...);
      case 2:
        return all_rows<Avx512Bf16, 12, 2>(t, part...);
      default:
        return all_rows<Avx512Bf16, 12, 1>(t, part...);
    }
  }
};

// 258 rows: measured, with the second-level cache of 1 MiB of an EPYC (Zen 5).
constexpr ProductKernels kKernels = {
    sizeof(Avx512Bf16::Element), Avx512Bf16::kElements, Avx512Bf16::kPanelColumns, 258, pack<Avx512Bf16>,
    multiply<Avx512Bf16>,        outer<Avx512Bf16>};

}  // namespace
}  // namespace rankine

#pragma GCC pop_options

namespace rankine {

const ProductKernels* avx512_bf16_product() {
  const bool runs_here = __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") &&
                         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  return runs_here ? &kKernels : nullptr;
}

}  // namespace rankine

#else

namespace rankine {
const ProductKernels* avx512_bf16_product() { return nullptr; }
}  // namespace rankine

#endif
