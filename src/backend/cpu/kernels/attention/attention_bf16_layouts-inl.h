#pragma once
#include <immintrin.h>

#include "backend/cpu/kernels/attention/attention_bf16_products-inl.h"
#include "backend/cpu/kernels/avx512-inl.h"

// The orders of pairs of bf16 that the products of attention read, and the way back. For attention_avx512_bf16.cpp
// alone, which includes this after its pragma.
namespace rankine {
namespace {

int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
int64_t pairs_of(int64_t count) { return (count + 1) / 2; }
int64_t padded(int64_t count) { return (count + 15) / 16 * 16; }
int64_t tiles_of(int64_t length) { return (length + kTile - 1) / kTile; }

/// Tokens of one head in a tensor.
struct Tokens {
  const uint16_t* data;
  int64_t stride;
  int64_t count;
  int64_t size;  // of the head

  Tokens from(int64_t first, int64_t most) const {
    return {data + first * stride, stride, smaller(most, count - first), size};
  }
};

/// to [token][width]: as they are, for `tokens` tokens of which the missing ones are zero, as is what is missing to
/// width >= pairs_of(size).
void copy_pairs(const Tokens& x, int64_t tokens, int64_t width, uint32_t* to) {
  for (int64_t t = 0; t < tokens; ++t) {
    for (int64_t i = 0; i < width; i += 16) {
      const __mmask32 columns = t < x.count ? low_bits(x.size - 2 * i) : 0;
      const __m512i values = _mm512_maskz_loadu_epi16(columns, x.data + t * x.stride + 2 * i);
      _mm512_mask_storeu_epi32(to + t * width + i, lane_mask(width - i), values);
    }
  }
}

/// Columns i to i + 15 of tokens t and t + 1 as pairs; what is missing is zero.
__m512i token_pairs(const Tokens& x, int64_t t, int64_t i) {
  const __mmask16 columns = lane_mask(x.size - i);
  const uint16_t* at = x.data + t * x.stride + i;
  const __m256i even = _mm256_maskz_loadu_epi16(t < x.count ? columns : 0, at);
  const __m256i odd = _mm256_maskz_loadu_epi16(t + 1 < x.count ? columns : 0, at + x.stride);
  return _mm512_or_si512(_mm512_cvtepu16_epi32(even), _mm512_slli_epi32(_mm512_cvtepu16_epi32(odd), 16));
}

/// to [token / 2][width]: pairs of tokens, where width >= size, for `tokens` tokens of which the missing ones are zero.
void interleave_tokens(const Tokens& x, int64_t tokens, int64_t width, uint32_t* to) {
  for (int64_t t = 0; t < tokens; t += 2, to += width) {
    for (int64_t i = 0; i < width; i += 16)
      _mm512_mask_storeu_epi32(to + i, lane_mask(width - i), token_pairs(x, t, i));
  }
}

/// to [width][kTile], where width >= pairs_of(size): lanes are tokens; what is missing is zero.
void transpose_pairs(const Tokens& x, int64_t width, uint32_t* to) {
  for (int64_t i = 0; i < width; i += 16) {
    const uint32_t columns = low_bits(x.size - 2 * i);
    for (int64_t t = 0; t < kTile; t += 16) {
      __m512i block[16];
#pragma GCC unroll 16
      for (int r = 0; r < 16; ++r)
        block[r] = _mm512_maskz_loadu_epi16(t + r < x.count ? columns : 0, x.data + (t + r) * x.stride + 2 * i);
      transpose(block);
      const int64_t rows = smaller(16, width - i);
#pragma GCC unroll 16
      for (int r = 0; r < 16; ++r)
        if (r < rows) _mm512_store_si512(to + (i + r) * kTile + t, block[r]);
    }
  }
}

/// to [padded(size)][kTilePairs]: lanes are pairs of a tile's tokens; what is missing is zero.
void transpose_token_pairs(const Tokens& x, uint32_t* to) {
  for (int64_t i = 0; i < x.size; i += 16) {
    for (int64_t pair = 0; pair < kTilePairs; pair += 16) {
      __m512i block[16];
#pragma GCC unroll 16
      for (int r = 0; r < 16; ++r) block[r] = token_pairs(x, 2 * (pair + r), i);
      transpose(block);
#pragma GCC unroll 16
      for (int r = 0; r < 16; ++r) _mm512_store_si512(to + (i + r) * kTilePairs + pair, block[r]);
    }
  }
}

/// Rounds to nearest even.
__m256i bf16_of(__m512 value) { return (__m256i)_mm512_cvtneps_pbh(value); }

/// to [token][size] at `stride` = the tile from [size][kTile] transposed, each token times its factor[kTile].
void store_transposed(const float* from, const float* factor, int64_t tokens, int64_t size, uint16_t* to,
                      int64_t stride) {
  for (int64_t t = 0; t < tokens; t += 16) {
    const __m512 scale = _mm512_load_ps(factor + t);
    for (int64_t i = 0; i < size; i += 16) {
      __m512i block[16];
#pragma GCC unroll 16
      for (int r = 0; r < 16; ++r)
        block[r] = i + r < size ? _mm512_castps_si512(_mm512_mul_ps(_mm512_load_ps(from + (i + r) * kTile + t), scale))
                                : _mm512_setzero_si512();
      transpose(block);
      const __mmask16 columns = lane_mask(size - i);
#pragma GCC unroll 16
      for (int r = 0; r < 16; ++r)
        if (t + r < tokens)
          _mm256_mask_storeu_epi16(to + (t + r) * stride + i, columns, bf16_of(_mm512_castsi512_ps(block[r])));
    }
  }
}

/// to [token][size] at `stride` = factor * from [token][padded(size)].
void store_rows(const float* from, float factor, int64_t tokens, int64_t size, uint16_t* to, int64_t stride) {
  const __m512 scale = _mm512_set1_ps(factor);
  for (int64_t t = 0; t < tokens; ++t) {
    for (int64_t i = 0; i < size; i += 16) {
      const __m512 value = _mm512_mul_ps(_mm512_load_ps(from + t * padded(size) + i), scale);
      _mm256_mask_storeu_epi16(to + t * stride + i, lane_mask(size - i), bf16_of(value));
    }
  }
}

/// Where each of 32 words of a result comes from, among the words of two vectors (vpermt2w).
struct WordOrder {
  alignas(64) uint16_t from[32];
  __m512i operator()(__m512i a, __m512i b) const { return _mm512_permutex2var_epi16(a, _mm512_load_si512(from), b); }
};

/// Word w of the result is word 2 * (w / 2) + 1 of a or b: the upper halves of a and of b as pairs.
constexpr WordOrder kUpperHalvesPaired = {{1,  33, 3,  35, 5,  37, 7,  39, 9,  41, 11, 43, 13, 45, 15, 47,
                                           17, 49, 19, 51, 21, 53, 23, 55, 25, 57, 27, 59, 29, 61, 31, 63}};
/// The upper halves of a, then those of b.
constexpr WordOrder kUpperHalves = {{1,  3,  5,  7,  9,  11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31,
                                     33, 35, 37, 39, 41, 43, 45, 47, 49, 51, 53, 55, 57, 59, 61, 63}};
/// Words 0 to 15 of a and of b as pairs, and words 16 to 31.
constexpr WordOrder kLowerWordsPaired = {{0, 32, 1, 33, 2,  34, 3,  35, 4,  36, 5,  37, 6,  38, 7,  39,
                                          8, 40, 9, 41, 10, 42, 11, 43, 12, 44, 13, 45, 14, 46, 15, 47}};
constexpr WordOrder kUpperWordsPaired = {{16, 48, 17, 49, 18, 50, 19, 51, 20, 52, 21, 53, 22, 54, 23, 55,
                                          24, 56, 25, 57, 26, 58, 27, 59, 28, 60, 29, 61, 30, 62, 31, 63}};

}  // namespace
}  // namespace rankine
