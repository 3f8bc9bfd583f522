// Products of f32 on processors with AVX-512.
//
// Only this file is compiled for them, and from the pragma on. What it uses is its own and internal, so that no
// function another file could share is compiled for a processor that may not be there.
#include "backend/cpu/kernels/linear/linear_isa.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
// GCC 12's own intrinsics name a variable that is uninitialised on purpose (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#pragma GCC push_options
#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")

#include "backend/cpu/kernels/avx512-inl.h"
#include "backend/cpu/kernels/linear/linear_tiles-inl.h"

namespace rankine {
namespace {

/// One f32 per word.
struct Avx512 {
  using Element = float;
  using Vector = __m512;
  using Words = __m512;
  static constexpr int64_t kLanes = 16, kElements = 1;
  /// Two vectors of sums for each of 14 rows fill 28 of the 32 registers.
  static constexpr int64_t kPanelColumns = 32;
  /// A longer depth is summed in parts, so that a part of a panel (24 KiB) stays in the first-level cache.
  static constexpr int64_t kPart = 192;

  static Vector zero() { return _mm512_setzero_ps(); }
  static Vector add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
  static Vector add_product(Vector sum, Words w, Words x) { return _mm512_fmadd_ps(x, w, sum); }
  static Words words(const uint32_t* w) { return _mm512_loadu_ps(w); }
  static Words broadcast(const float* x) { return _mm512_set1_ps(*x); }
  static Vector load_aligned(const float* from) { return _mm512_load_ps(from); }
  static void store_aligned(float* to, Vector values) { _mm512_store_ps(to, values); }

  /// A masked access does not touch what lies behind the tensor.
  static __mmask16 first_lanes(int64_t count) { return lane_mask(count); }
  [[gnu::always_inline]] static Vector load(const float* from, __mmask16 lanes) {
    return _mm512_maskz_loadu_ps(lanes, from);
  }
  [[gnu::always_inline]] static void store(float* to, Vector values, __mmask16 lanes) {
    _mm512_mask_storeu_ps(to, lanes, values);
  }

  /// Stored as [columns, depth].
  static void pack_transposed(const ProductOperand& w, int64_t first, uint32_t* panel) {
    for (int64_t v = 0; v < kPanelColumns; v += kLanes) {
      const int64_t columns = w.columns - first - v;
      for (int64_t p = 0; p < w.depth; p += kLanes) {
        const __mmask16 mask = first_lanes(w.depth - p);
        __m512i rows[16];
        for (int64_t c = 0; c < kLanes; ++c)
          rows[c] = c < columns ? _mm512_castps_si512(_mm512_maskz_loadu_ps(
                                      mask, static_cast<const float*>(w.values) + (first + v + c) * w.row + p))
                                : _mm512_setzero_si512();
        transpose(rows);
        const int64_t count = smaller(kLanes, w.depth - p);
        for (int64_t i = 0; i < count; ++i) _mm512_storeu_si512(panel + (p + i) * kPanelColumns + v, rows[i]);
      }
    }
  }
  /// Stored as [depth, columns].
  static void pack_straight(const ProductOperand& w, int64_t first, uint32_t* panel) {
    const __mmask16 masks[2] = {first_lanes(w.columns - first), first_lanes(w.columns - first - kLanes)};
    const float* row = static_cast<const float*>(w.values) + first;
    for (int64_t p = 0; p < w.depth; ++p, row += w.row, panel += kPanelColumns) {
      _mm512_storeu_ps(panel, load(row, masks[0]));
      _mm512_storeu_ps(panel + kLanes, load(row + kLanes, masks[1]));
    }
  }

  template <class Task, class... Part>
  static void rows_by_vectors(const Task& t, Part... part) {
    t.columns > kLanes ? all_rows<Avx512, 14, 2>(t, part...) : all_rows<Avx512, 14, 1>(t, part...);
  }
};

// 252 rows of one part of the depth are 190 KiB: a fifth to a half of a second-level cache (derived, not measured).
constexpr ProductKernels kKernels = {
    sizeof(Avx512::Element), Avx512::kElements, Avx512::kPanelColumns, 252, pack<Avx512>,
    multiply<Avx512>,        outer<Avx512>};

}  // namespace
}  // namespace rankine

#pragma GCC pop_options

namespace rankine {

const ProductKernels* avx512_product() {
  const bool runs_here = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  return runs_here ? &kKernels : nullptr;
}

}  // namespace rankine

#else

namespace rankine {
const ProductKernels* avx512_product() { return nullptr; }
}  // namespace rankine

#endif
