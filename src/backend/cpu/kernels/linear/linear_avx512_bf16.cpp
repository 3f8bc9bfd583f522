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

namespace rankine {
namespace {

constexpr int64_t kLanes = 16;
/// Four vectors of sums for each row of a tile.
constexpr int64_t kPanelColumns = 64;
/// A longer depth is summed in parts, so that a part of a panel stays in the second-level cache.
constexpr int64_t kPartPairs = 320;

const uint16_t* bf16(const void* data) { return static_cast<const uint16_t*>(data); }
int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
__mmask32 low_bits(int64_t count) {
  return count >= 32 ? ~__mmask32{0} : count <= 0 ? __mmask32{0} : (__mmask32{1} << count) - 1;
}
__mmask16 lane_mask(int64_t count) { return static_cast<__mmask16>(low_bits(smaller(count, kLanes))); }

// ---- Packing -------------------------------------------------------------------------------------------------------

/// Sixteen rows of sixteen 32-bit numbers become columns.
[[gnu::always_inline]] inline void transpose(__m512i (&r)[16]) {
  __m512i t[16];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    t[2 * i] = _mm512_unpacklo_epi32(r[2 * i], r[2 * i + 1]);
    t[2 * i + 1] = _mm512_unpackhi_epi32(r[2 * i], r[2 * i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    r[4 * i] = _mm512_unpacklo_epi64(t[4 * i], t[4 * i + 2]);
    r[4 * i + 1] = _mm512_unpackhi_epi64(t[4 * i], t[4 * i + 2]);
    r[4 * i + 2] = _mm512_unpacklo_epi64(t[4 * i + 1], t[4 * i + 3]);
    r[4 * i + 3] = _mm512_unpackhi_epi64(t[4 * i + 1], t[4 * i + 3]);
  }
  // Now r[4 g + c] holds, in its 128-bit lane l, column 4 l + c of the rows 4 g to 4 g + 3.
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c) {
    const __m512i even01 = _mm512_shuffle_i32x4(r[c], r[4 + c], 0x88),
                  odd01 = _mm512_shuffle_i32x4(r[c], r[4 + c], 0xdd);
    const __m512i even23 = _mm512_shuffle_i32x4(r[8 + c], r[12 + c], 0x88),
                  odd23 = _mm512_shuffle_i32x4(r[8 + c], r[12 + c], 0xdd);
    t[c] = _mm512_shuffle_i32x4(even01, even23, 0x88);
    t[4 + c] = _mm512_shuffle_i32x4(odd01, odd23, 0x88);
    t[8 + c] = _mm512_shuffle_i32x4(even01, even23, 0xdd);
    t[12 + c] = _mm512_shuffle_i32x4(odd01, odd23, 0xdd);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) r[i] = t[i];
}

/// Stored as [columns, depth]: pairs of the depth are neighbours already.
void pack_transposed(const ProductOperand& w, int64_t first, uint32_t* panel) {
  const int64_t pairs = w.depth / 2;
  for (int64_t v = 0; v < kPanelColumns; v += kLanes) {
    const int64_t columns = smaller(kLanes, w.columns - first - v);
    for (int64_t p = 0; p < pairs; p += kLanes) {
      const __mmask16 mask = lane_mask(pairs - p);
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
void pack_straight(const ProductOperand& w, int64_t first, uint32_t* panel) {
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

void pack(const ProductOperand& w, int64_t begin, int64_t end, uint32_t* packed) {
  for (int64_t panel = begin; panel < end; ++panel) {
    uint32_t* out = packed + panel * (w.depth / 2) * kPanelColumns;
    if (w.columns_are_rows) {
      pack_transposed(w, panel * kPanelColumns, out);
    } else {
      pack_straight(w, panel * kPanelColumns, out);
    }
  }
}

// ---- Products ------------------------------------------------------------------------------------------------------

template <int kRows, int kVectors>
struct Sums {
  __m512 at[kRows][kVectors];
};

/// An operand read one pair at a time and broadcast: pair p of row i lies at data[i * row + p * pair].
struct Broadcast {
  const uint16_t* data;
  int64_t row, pair;
};

/// sums += x[0..kRows) . w over `pairs` pairs of the depth. Inlined, so that strides known to the caller become
/// constants in the addresses.
template <int kRows, int kVectors>
[[gnu::always_inline]] inline void accumulate(Sums<kRows, kVectors>& sums, Broadcast x, const uint32_t* w,
                                              int64_t pairs) {
  for (int64_t p = 0; p < pairs; ++p, x.data += x.pair, w += kPanelColumns) {
    __m512bh vectors[kVectors];
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) vectors[j] = (__m512bh)_mm512_loadu_si512(w + j * kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      int pair;
      __builtin_memcpy(&pair, x.data + i * x.row, sizeof pair);
      const __m512bh both = (__m512bh)_mm512_set1_epi32(pair);
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) sums.at[i][j] = _mm512_dpbf16_ps(sums.at[i][j], vectors[j], both);
    }
  }
}

[[gnu::always_inline]] inline __m512 widened(__m256i bf16) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bf16), 16));
}

/// One tile of rows over the part [begin, end) of the pairs.
template <int kRows, int kVectors>
[[gnu::always_inline]] inline void tile(const ProductTask& t, int64_t row, int64_t begin, int64_t end) {
  Sums<kRows, kVectors> sums;
  float* partial = t.partial + row * kPanelColumns;
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j)
      sums.at[i][j] = begin > 0 ? _mm512_load_ps(partial + i * kPanelColumns + j * kLanes) : _mm512_setzero_ps();
  }
  accumulate(sums, {bf16(t.x) + row * t.x_row + 2 * begin, t.x_row, 2}, t.w + begin * kPanelColumns, end - begin);
  if (2 * end < t.depth) {
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) _mm512_store_ps(partial + i * kPanelColumns + j * kLanes, sums.at[i][j]);
    }
    return;
  }
  if (t.low_depth > 0) accumulate(sums, {bf16(t.low) + row * t.low_row, t.low_row, 2}, t.b, t.low_depth / 2);
#pragma GCC unroll 4
  for (int j = 0; j < kVectors; ++j) {
    const __mmask16 mask = lane_mask(t.columns - j * kLanes);
    const __m512 bias = t.bias ? _mm512_maskz_loadu_ps(mask, t.bias + j * kLanes) : _mm512_setzero_ps();
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      const int64_t at = (row + i) * t.y_row + j * kLanes;
      __m512 sum = _mm512_add_ps(sums.at[i][j], bias);
      if (t.residual) sum = _mm512_add_ps(sum, widened(_mm256_maskz_loadu_epi16(mask, bf16(t.residual) + at)));
      _mm256_mask_storeu_epi16(static_cast<uint16_t*>(t.y) + at, mask, (__m256i)_mm512_cvtneps_pbh(sum));
    }
  }
}

/// One tile of rows of an outer product, whose left operand is read down its panel.
template <int kRows, int kVectors>
[[gnu::always_inline]] inline void outer_tile(const OuterTask& t, int64_t row) {
  Sums<kRows, kVectors> sums;
#pragma GCC unroll 4
  for (int j = 0; j < kVectors; ++j) {
    const __mmask16 mask = lane_mask(t.columns - j * kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i)
      sums.at[i][j] =
          t.adds ? _mm512_maskz_loadu_ps(mask, t.c + (row + i) * t.c_row + j * kLanes) : _mm512_setzero_ps();
  }
  accumulate(sums, {reinterpret_cast<const uint16_t*>(t.left + row), 2, 2 * kPanelColumns}, t.right, t.steps);
#pragma GCC unroll 4
  for (int j = 0; j < kVectors; ++j) {
    const __mmask16 mask = lane_mask(t.columns - j * kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) _mm512_mask_storeu_ps(t.c + (row + i) * t.c_row + j * kLanes, mask, sums.at[i][j]);
  }
}

/// As many rows at once as the 32 registers have room for.
template <int kRows, int kVectors>
void all_rows(const ProductTask& t, int64_t begin, int64_t end) {
  int64_t row = 0;
  for (; row + kRows <= t.rows; row += kRows) tile<kRows, kVectors>(t, row, begin, end);
  for (; row + 4 <= t.rows; row += 4) tile<4, kVectors>(t, row, begin, end);
  for (; row + 2 <= t.rows; row += 2) tile<2, kVectors>(t, row, begin, end);
  for (; row < t.rows; ++row) tile<1, kVectors>(t, row, begin, end);
}
template <int kRows, int kVectors>
void all_rows(const OuterTask& t) {
  int64_t row = 0;
  for (; row + kRows <= t.rows; row += kRows) outer_tile<kRows, kVectors>(t, row);
  for (; row + 4 <= t.rows; row += 4) outer_tile<4, kVectors>(t, row);
  for (; row + 2 <= t.rows; row += 2) outer_tile<2, kVectors>(t, row);
  for (; row < t.rows; ++row) outer_tile<1, kVectors>(t, row);
}

template <class Task, class... Part>
void rows_by_vectors(const Task& t, Part... part) {
  switch ((t.columns + kLanes - 1) / kLanes) {
    case 4:
      return all_rows<6, 4>(t, part...);
    case 3:
      return all_rows<8, 3>(t, part...);
    case 2:
      return all_rows<12, 2>(t, part...);
    default:
      return all_rows<12, 1>(t, part...);
  }
}

void multiply(const ProductTask& t) {
  const int64_t pairs = t.depth / 2, part = smaller(pairs, kPartPairs);
  for (int64_t begin = 0; begin < pairs; begin += part) rows_by_vectors(t, begin, smaller(pairs, begin + part));
}

void outer(const OuterTask& t) { rows_by_vectors(t); }

// 258 rows: measured, with the second-level cache of 1 MiB of an EPYC (Zen 5).
constexpr ProductKernels kKernels = {2, 2, kPanelColumns, 258, pack, multiply, outer};

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
