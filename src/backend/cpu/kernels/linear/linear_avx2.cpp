// Products of f32 on processors with AVX2 and FMA.
//
// Only this file is compiled for them, and from the pragma on. What it uses is its own and internal, so that no
// function another file could share is compiled for a processor that may not be there.
#include "backend/cpu/kernels/linear/linear_isa.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>

#pragma GCC push_options
#pragma GCC target("avx2,fma")

#include "backend/cpu/kernels/linear/linear_tiles-inl.h"

namespace rankine {
namespace {

/// Eight rows of eight numbers become columns.
[[gnu::always_inline]] inline void transpose(__m256 (&r)[8]) {
  __m256 t[8];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    t[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
    t[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i) {
    r[4 * i] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0x44);
    r[4 * i + 1] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0xee);
    r[4 * i + 2] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0x44);
    r[4 * i + 3] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0xee);
  }
  // Now r[4 g + c] holds, in its 128-bit lane l, column 4 l + c of the rows 4 g to 4 g + 3.
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c) {
    t[c] = _mm256_permute2f128_ps(r[c], r[4 + c], 0x20);
    t[4 + c] = _mm256_permute2f128_ps(r[c], r[4 + c], 0x31);
  }
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) r[i] = t[i];
}

/// One f32 per word.
struct Avx2 {
  using Element = float;
  using Vector = __m256;
  using Words = __m256;
  static constexpr int64_t kLanes = 8, kElements = 1;
  /// Two vectors of sums for each of six rows fill 12 of the 16 registers.
  static constexpr int64_t kPanelColumns = 16;
  /// A longer depth is summed in parts, so that a part of a panel (20 KiB) stays in the first-level cache.
  static constexpr int64_t kPart = 320;

  static Vector zero() { return _mm256_setzero_ps(); }
  static Vector add(Vector a, Vector b) { return _mm256_add_ps(a, b); }
  static Vector add_product(Vector sum, Words w, Words x) { return _mm256_fmadd_ps(x, w, sum); }
  static Words words(const uint32_t* w) { return _mm256_loadu_ps(reinterpret_cast<const float*>(w)); }
  static Words broadcast(const float* x) { return _mm256_broadcast_ss(x); }
  static Vector load_aligned(const float* from) { return _mm256_load_ps(from); }
  static void store_aligned(float* to, Vector values) { _mm256_store_ps(to, values); }

  /// Number of lanes that are there; more than kLanes is all of them.
  static int64_t first_lanes(int64_t count) { return count; }
  static __m256i mask(int64_t count) {
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(smaller(count, kLanes))), lanes);
  }
  /// A masked access does not touch what lies behind the tensor, but a masked store takes many times as long as a plain
  /// one.
  [[gnu::always_inline]] static Vector load(const float* from, int64_t count) {
    return count >= kLanes ? _mm256_loadu_ps(from) : _mm256_maskload_ps(from, mask(count));
  }
  [[gnu::always_inline]] static void store(float* to, Vector values, int64_t count) {
    if (count >= kLanes) {
      _mm256_storeu_ps(to, values);
    } else {
      _mm256_maskstore_ps(to, mask(count), values);
    }
  }

  /// Stored as [columns, depth].
  static void pack_transposed(const ProductOperand& w, int64_t first, uint32_t* out) {
    float* panel = reinterpret_cast<float*>(out);
    for (int64_t v = 0; v < kPanelColumns; v += kLanes) {
      const int64_t columns = w.columns - first - v;
      for (int64_t p = 0; p < w.depth; p += kLanes) {
        const int64_t count = smaller(kLanes, w.depth - p);
        __m256 rows[8];
        for (int64_t c = 0; c < kLanes; ++c)
          rows[c] = c < columns ? load(static_cast<const float*>(w.values) + (first + v + c) * w.row + p, count)
                                : _mm256_setzero_ps();
        transpose(rows);
        for (int64_t i = 0; i < count; ++i) _mm256_storeu_ps(panel + (p + i) * kPanelColumns + v, rows[i]);
      }
    }
  }
  /// Stored as [depth, columns].
  static void pack_straight(const ProductOperand& w, int64_t first, uint32_t* out) {
    float* panel = reinterpret_cast<float*>(out);
    const int64_t columns = w.columns - first;
    const float* row = static_cast<const float*>(w.values) + first;
    for (int64_t p = 0; p < w.depth; ++p, row += w.row, panel += kPanelColumns) {
      _mm256_storeu_ps(panel, load(row, columns));
      _mm256_storeu_ps(panel + kLanes, load(row + kLanes, columns - kLanes));
    }
  }

  template <class Task, class... Part>
  static void rows_by_vectors(const Task& t, Part... part) {
    t.columns > kLanes ? all_rows<Avx2, 6, 2>(t, part...) : all_rows<Avx2, 6, 1>(t, part...);
  }
};

// 192 rows of one part of the depth are 240 KiB: half of a second-level cache of 512 KiB (derived, not measured).
constexpr ProductKernels kKernels = {sizeof(Avx2::Element), Avx2::kElements, Avx2::kPanelColumns, 192, pack<Avx2>,
                                     multiply<Avx2>,        outer<Avx2>};

}  // namespace
}  // namespace rankine

#pragma GCC pop_options

namespace rankine {

const ProductKernels* avx2_product() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &kKernels : nullptr;
}

}  // namespace rankine

#else

namespace rankine {
const ProductKernels* avx2_product() { return nullptr; }
}  // namespace rankine

#endif
