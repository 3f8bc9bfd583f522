#pragma once
#include <immintrin.h>

#include "backend/cpu/kernels/attention/attention_isa.h"

// Products of pairs of bf16 that are summed in f32, for attention_avx512_bf16.cpp alone, which includes this after its
// pragma: by vectors (vdpbf16ps) and by AMX tiles (tdpbf16ps).
namespace rankine {
namespace {

// Lanes are queries: scores are held as S^T [key][64 queries], so that maxima and sums over keys need no step across
// lanes, a tile of fewer keys has fewer rows, and the head size is never a number of lanes where it would have to be
// padded. A product sums over pairs: "pairs" below are two bf16 that are neighbours along the axis that is summed, in
// 32 bits.
constexpr int64_t kTile = kAttentionTile;
constexpr int64_t kLanes = 16;
constexpr int64_t kTilePairs = kTile / 2;

// ---- By vectors ----------------------------------------------------------------------------------------------------

/// An operand read one pair at a time and broadcast: pair (i, p) lies at data[i * row + p * depth].
struct Broadcast {
  const uint32_t* data;
  int64_t row;
  int64_t depth;
};

/// An operand or result read by vectors: lane l of row i lies at data[i * row + l].
struct PairRows {
  const uint32_t* data;
  int64_t row;
};
struct FloatRows {
  float* data;
  int64_t row;
};

enum class Sum { fresh, fresh_with_maximum, add };

/// c[i][0..kVectors) (+)= sum over p < depth of a(i, p) . b[p][0..kVectors), for i < kRows.
/// With a maximum, maximum[0..kVectors) becomes the greatest of itself and of the rows of c.
/// Inlined, so that strides known to the caller become constants in the addresses.
template <int kRows, int kVectors, Sum kSum>
[[gnu::always_inline]] inline void register_tile(int64_t depth, Broadcast a, PairRows b, FloatRows c, float* maximum) {
  __m512 sum[kRows][kVectors];
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j)
      sum[i][j] = kSum == Sum::add ? _mm512_load_ps(c.data + i * c.row + j * kLanes) : _mm512_setzero_ps();
  }
  const uint32_t* left = a.data;
  const uint32_t* right = b.data;
  for (int64_t p = 0; p < depth; ++p, left += a.depth, right += b.row) {
    __m512bh vectors[kVectors];
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j) vectors[j] = (__m512bh)_mm512_load_si512(right + j * kLanes);
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) {
      const __m512bh pair = (__m512bh)_mm512_set1_epi32(static_cast<int>(left[i * a.row]));
#pragma GCC unroll 8
      for (int j = 0; j < kVectors; ++j) sum[i][j] = _mm512_dpbf16_ps(sum[i][j], vectors[j], pair);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j) _mm512_store_ps(c.data + i * c.row + j * kLanes, sum[i][j]);
  }
  if (kSum == Sum::fresh_with_maximum) {
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j) {
      __m512 greatest = _mm512_load_ps(maximum + j * kLanes);
#pragma GCC unroll 8
      for (int i = 0; i < kRows; ++i) greatest = _mm512_max_ps(greatest, sum[i][j]);
      _mm512_store_ps(maximum + j * kLanes, greatest);
    }
  }
}

/// All rows, kRows at a time.
template <int kRows, int kVectors, Sum kSum>
[[gnu::always_inline]] inline void rows_of_tiles(int64_t rows, int64_t depth, Broadcast a, PairRows b, FloatRows c,
                                                 float* maximum) {
  for (; rows >= kRows; rows -= kRows) {
    register_tile<kRows, kVectors, kSum>(depth, a, b, c, maximum);
    a.data += kRows * a.row;
    c.data += kRows * c.row;
  }
  if constexpr (kRows > 1) {
    if (rows > 0) rows_of_tiles<kRows / 2, kVectors, kSum>(rows, depth, a, b, c, maximum);
  }
}

/// Products into a tile of 64 queries: c [rows][64] (+)= a [rows][depth] . b [depth][64].
template <Sum kSum>
void multiply_tile(int64_t rows, int64_t depth, Broadcast a, const uint32_t* b, float* c, float* maximum = nullptr) {
  rows_of_tiles<4, 4, kSum>(rows, depth, a, {b, kTile}, {c, kTile}, maximum);
}

/// c [rows][columns] += x [rows][32] . b [32][columns], pairs of queries; columns are a multiple of 16.
void multiply_add_columns(int64_t rows, int64_t columns, const uint32_t* x, const uint32_t* b, float* c) {
  constexpr int64_t depth = kTilePairs;
  const Broadcast a{x, kTilePairs, 1};
  constexpr int64_t kMost = 5;  // vectors; head sizes 80 and 160 come out even
  const int64_t vectors = columns / kLanes, groups = (vectors + kMost - 1) / kMost;
  int64_t first = 0;
  for (int64_t group = 0; group < groups; ++group) {
    const int64_t last = vectors * (group + 1) / groups;  // groups of nearly the same size
    const PairRows right{b + first * kLanes, columns};
    const FloatRows out{c + first * kLanes, columns};
    // As many rows as the 32 registers have room for.
    switch (last - first) {
      case 5:
        rows_of_tiles<4, 5, Sum::add>(rows, depth, a, right, out, nullptr);
        break;
      case 4:
        rows_of_tiles<4, 4, Sum::add>(rows, depth, a, right, out, nullptr);
        break;
      case 3:
        rows_of_tiles<8, 3, Sum::add>(rows, depth, a, right, out, nullptr);
        break;
      case 2:
        rows_of_tiles<8, 2, Sum::add>(rows, depth, a, right, out, nullptr);
        break;
      default:
        rows_of_tiles<8, 1, Sum::add>(rows, depth, a, right, out, nullptr);
        break;
    }
    first = last;
  }
}

// ---- By AMX tiles --------------------------------------------------------------------------------------------------
// Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, chapter 18. A tile has 16 rows of 64 bytes.
// tdpbf16ps adds to 16 x 16 sums the products of 16 rows of 16 pairs with 16 pairs of rows, which is how a and b of the
// products above lie in memory.

#pragma GCC push_options
#pragma GCC target("amx-tile,amx-bf16")

constexpr int64_t kTileRows = 16;   // also pairs in a row of a left operand, and columns of a result
constexpr int64_t kTileBytes = 64;  // of a row

/// All eight tiles of this thread at their full size.
void configure_tiles() {
  struct alignas(64) Configuration {
    uint8_t palette = 1, start_row = 0;
    uint8_t reserved[14] = {};
    uint16_t row_bytes[16] = {kTileBytes, kTileBytes, kTileBytes, kTileBytes,
                              kTileBytes, kTileBytes, kTileBytes, kTileBytes};
    uint8_t rows[16] = {kTileRows, kTileRows, kTileRows, kTileRows, kTileRows, kTileRows, kTileRows, kTileRows};
  };
  static_assert(sizeof(Configuration) == 64);
  static constexpr Configuration configuration;
  _tile_loadconfig(&configuration);
}

void release_tiles() { _tile_release(); }

/// c (+)= a . b, of kRows x kColumns tiles, each 1 or 2.
/// Tiles 0 to 3 are sums, 4 and 5 rows of a, 6 and 7 columns of b.
template <int kRows, int kColumns>
void tiles_at(int64_t depth, PairRows a, PairRows b, FloatRows c, bool add) {
  const int64_t a_stride = a.row * 4, b_stride = b.row * 4, c_stride = c.row * 4;
  float* const below = c.data + kTileRows * c.row;
  if (add) {
    _tile_loadd(0, c.data, c_stride);
    if constexpr (kColumns > 1) _tile_loadd(1, c.data + kTileRows, c_stride);
    if constexpr (kRows > 1) _tile_loadd(2, below, c_stride);
    if constexpr (kRows > 1 && kColumns > 1) _tile_loadd(3, below + kTileRows, c_stride);
  } else {
    _tile_zero(0);
    if constexpr (kColumns > 1) _tile_zero(1);
    if constexpr (kRows > 1) _tile_zero(2);
    if constexpr (kRows > 1 && kColumns > 1) _tile_zero(3);
  }
  const uint32_t* left = a.data;
  const uint32_t* right = b.data;
  for (int64_t p = 0; p < depth; p += kTileRows, left += kTileRows, right += kTileRows * b.row) {
    _tile_loadd(6, right, b_stride);
    _tile_loadd(4, left, a_stride);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (kColumns > 1) {
      _tile_loadd(7, right + kTileRows, b_stride);
      _tile_dpbf16ps(1, 4, 7);
    }
    if constexpr (kRows > 1) {
      _tile_loadd(5, left + kTileRows * a.row, a_stride);
      _tile_dpbf16ps(2, 5, 6);
    }
    if constexpr (kRows > 1 && kColumns > 1) _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, c.data, c_stride);
  if constexpr (kColumns > 1) _tile_stored(1, c.data + kTileRows, c_stride);
  if constexpr (kRows > 1) _tile_stored(2, below, c_stride);
  if constexpr (kRows > 1 && kColumns > 1) _tile_stored(3, below + kTileRows, c_stride);
}

/// c [rows][columns] (+)= a [rows][depth] . b [depth][columns], in pairs; all three are multiples of 16.
void multiply_by_tiles(int64_t rows, int64_t columns, int64_t depth, PairRows a, PairRows b, FloatRows c, bool add) {
  // GCC 12 does not know that a tile is loaded from memory.
  asm volatile("" ::: "memory");
  for (int64_t j = 0; j < columns; j += 2 * kTileRows) {
    const bool two_columns = columns - j > kTileRows;
    for (int64_t i = 0; i < rows; i += 2 * kTileRows) {
      const bool two_rows = rows - i > kTileRows;
      const PairRows left{a.data + i * a.row, a.row}, right{b.data + j, b.row};
      const FloatRows out{c.data + i * c.row + j, c.row};
      if (two_rows && two_columns) {
        tiles_at<2, 2>(depth, left, right, out, add);
      } else if (two_rows) {
        tiles_at<2, 1>(depth, left, right, out, add);
      } else if (two_columns) {
        tiles_at<1, 2>(depth, left, right, out, add);
      } else {
        tiles_at<1, 1>(depth, left, right, out, add);
      }
    }
  }
  asm volatile("" ::: "memory");
}

#pragma GCC pop_options

}  // namespace
}  // namespace rankine
