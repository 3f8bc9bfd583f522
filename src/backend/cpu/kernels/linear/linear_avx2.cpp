// Products of f32 on processors with AVX2 and FMA.
//
// Only this file is compiled for them, and from the pragma on. What it uses is its own and internal, so that no
// function another file could share is compiled for a processor that may not be there.
#include "backend/cpu/kernels/linear/linear_isa.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>

#pragma GCC push_options
#pragma GCC target("avx2,fma")

namespace rankine {
namespace {

constexpr int64_t kLanes = 8;
/// Two vectors of sums for each of six rows fill 12 of the 16 registers.
constexpr int64_t kPanelColumns = 16;
/// A longer depth is summed in parts, so that a part of a panel (20 KiB) stays in the first-level cache.
constexpr int64_t kPart = 320;

const float* f32(const void* data) { return static_cast<const float*>(data); }
const float* f32(const uint32_t* packed) { return reinterpret_cast<const float*>(packed); }
int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/// The first `count` lanes.
__m256i lane_mask(int64_t count) {
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(smaller(count, kLanes))), lanes);
}

/// Up to eight numbers. A masked access does not touch what lies behind the tensor, but a masked store takes many times
/// as long as a plain one.
[[gnu::always_inline]] inline __m256 load(const float* from, int64_t count) {
  return count >= kLanes ? _mm256_loadu_ps(from) : _mm256_maskload_ps(from, lane_mask(count));
}
[[gnu::always_inline]] inline void store(float* to, __m256 values, int64_t count) {
  if (count >= kLanes) {
    _mm256_storeu_ps(to, values);
  } else {
    _mm256_maskstore_ps(to, lane_mask(count), values);
  }
}

// ---- Packing -------------------------------------------------------------------------------------------------------

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

/// Stored as [columns, depth].
void pack_transposed(const ProductOperand& w, int64_t first, float* panel) {
  for (int64_t v = 0; v < kPanelColumns; v += kLanes) {
    const int64_t columns = w.columns - first - v;
    for (int64_t p = 0; p < w.depth; p += kLanes) {
      const int64_t count = smaller(kLanes, w.depth - p);
      __m256 rows[8];
      for (int64_t c = 0; c < kLanes; ++c)
        rows[c] = c < columns ? load(f32(w.values) + (first + v + c) * w.row + p, count) : _mm256_setzero_ps();
      transpose(rows);
      for (int64_t i = 0; i < count; ++i) _mm256_storeu_ps(panel + (p + i) * kPanelColumns + v, rows[i]);
    }
  }
}

/// Stored as [depth, columns].
void pack_straight(const ProductOperand& w, int64_t first, float* panel) {
  const int64_t columns = w.columns - first;
  const float* row = f32(w.values) + first;
  for (int64_t p = 0; p < w.depth; ++p, row += w.row, panel += kPanelColumns) {
    _mm256_storeu_ps(panel, load(row, columns));
    _mm256_storeu_ps(panel + kLanes, load(row + kLanes, columns - kLanes));
  }
}

void pack(const ProductOperand& w, int64_t begin, int64_t end, uint32_t* packed) {
  for (int64_t panel = begin; panel < end; ++panel) {
    float* out = reinterpret_cast<float*>(packed) + panel * w.depth * kPanelColumns;
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
  __m256 at[kRows][kVectors];
};

/// An operand read one element at a time and broadcast: element p of row i lies at data[i * row + p * step].
struct Broadcast {
  const float* data;
  int64_t row, step;
};

/// sums += x[0..kRows) . w over `depth`. Inlined, so that strides known to the caller become constants in the
/// addresses.
template <int kRows, int kVectors>
[[gnu::always_inline]] inline void accumulate(Sums<kRows, kVectors>& sums, Broadcast x, const float* w, int64_t depth) {
  for (int64_t p = 0; p < depth; ++p, x.data += x.step, w += kPanelColumns) {
    __m256 vectors[kVectors];
#pragma GCC unroll 2
    for (int j = 0; j < kVectors; ++j) vectors[j] = _mm256_loadu_ps(w + j * kLanes);
#pragma GCC unroll 6
    for (int i = 0; i < kRows; ++i) {
      const __m256 scalar = _mm256_broadcast_ss(x.data + i * x.row);
#pragma GCC unroll 2
      for (int j = 0; j < kVectors; ++j) sums.at[i][j] = _mm256_fmadd_ps(scalar, vectors[j], sums.at[i][j]);
    }
  }
}

/// One tile of rows over the part [begin, end) of the depth.
template <int kRows, int kVectors>
[[gnu::always_inline]] inline void tile(const ProductTask& t, int64_t row, int64_t begin, int64_t end) {
  Sums<kRows, kVectors> sums;
  float* partial = t.partial + row * kPanelColumns;
#pragma GCC unroll 6
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 2
    for (int j = 0; j < kVectors; ++j)
      sums.at[i][j] = begin > 0 ? _mm256_load_ps(partial + i * kPanelColumns + j * kLanes) : _mm256_setzero_ps();
  }
  accumulate(sums, {f32(t.x) + row * t.x_row + begin, t.x_row, 1}, f32(t.w) + begin * kPanelColumns, end - begin);
  if (end < t.depth) {
#pragma GCC unroll 6
    for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 2
      for (int j = 0; j < kVectors; ++j) _mm256_store_ps(partial + i * kPanelColumns + j * kLanes, sums.at[i][j]);
    }
    return;
  }
  if (t.low_depth > 0) accumulate(sums, {f32(t.low) + row * t.low_row, t.low_row, 1}, f32(t.b), t.low_depth);
#pragma GCC unroll 2
  for (int j = 0; j < kVectors; ++j) {
    const int64_t count = t.columns - j * kLanes;
    const __m256 bias = t.bias ? load(t.bias + j * kLanes, count) : _mm256_setzero_ps();
#pragma GCC unroll 6
    for (int i = 0; i < kRows; ++i) {
      const int64_t at = (row + i) * t.y_row + j * kLanes;
      __m256 sum = _mm256_add_ps(sums.at[i][j], bias);
      if (t.residual) sum = _mm256_add_ps(sum, load(f32(t.residual) + at, count));
      store(static_cast<float*>(t.y) + at, sum, count);
    }
  }
}

/// One tile of rows of an outer product, whose left operand is read down its panel.
template <int kRows, int kVectors>
[[gnu::always_inline]] inline void outer_tile(const OuterTask& t, int64_t row) {
  Sums<kRows, kVectors> sums;
#pragma GCC unroll 2
  for (int j = 0; j < kVectors; ++j) {
    const int64_t count = t.columns - j * kLanes;
#pragma GCC unroll 6
    for (int i = 0; i < kRows; ++i)
      sums.at[i][j] = t.adds ? load(t.c + (row + i) * t.c_row + j * kLanes, count) : _mm256_setzero_ps();
  }
  accumulate(sums, {f32(t.left) + row, 1, kPanelColumns}, f32(t.right), t.steps);
#pragma GCC unroll 2
  for (int j = 0; j < kVectors; ++j) {
    const int64_t count = t.columns - j * kLanes;
#pragma GCC unroll 6
    for (int i = 0; i < kRows; ++i) store(t.c + (row + i) * t.c_row + j * kLanes, sums.at[i][j], count);
  }
}

/// As many rows at once as the registers have room for.
template <int kVectors>
void all_rows(const ProductTask& t, int64_t begin, int64_t end) {
  int64_t row = 0;
  for (; row + 6 <= t.rows; row += 6) tile<6, kVectors>(t, row, begin, end);
  for (; row + 4 <= t.rows; row += 4) tile<4, kVectors>(t, row, begin, end);
  for (; row + 2 <= t.rows; row += 2) tile<2, kVectors>(t, row, begin, end);
  for (; row < t.rows; ++row) tile<1, kVectors>(t, row, begin, end);
}
template <int kVectors>
void all_rows(const OuterTask& t) {
  int64_t row = 0;
  for (; row + 6 <= t.rows; row += 6) outer_tile<6, kVectors>(t, row);
  for (; row + 4 <= t.rows; row += 4) outer_tile<4, kVectors>(t, row);
  for (; row + 2 <= t.rows; row += 2) outer_tile<2, kVectors>(t, row);
  for (; row < t.rows; ++row) outer_tile<1, kVectors>(t, row);
}

void multiply(const ProductTask& t) {
  for (int64_t begin = 0; begin < t.depth; begin += kPart) {
    const int64_t end = smaller(t.depth, begin + kPart);
    t.columns > kLanes ? all_rows<2>(t, begin, end) : all_rows<1>(t, begin, end);
  }
}

void outer(const OuterTask& t) { t.columns > kLanes ? all_rows<2>(t) : all_rows<1>(t); }

// 192 rows of one part of the depth are 240 KiB: half of a second-level cache of 512 KiB (derived, not measured).
constexpr ProductKernels kKernels = {4, 1, kPanelColumns, 192, pack, multiply, outer};

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
