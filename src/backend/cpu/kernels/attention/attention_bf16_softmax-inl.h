#pragma once
#include <immintrin.h>

#include "backend/cpu/kernels/attention/attention_bf16_layouts-inl.h"
#include "backend/cpu/kernels/attention/attention_bf16_products-inl.h"

// The running softmax of a tile of queries (Milakov & Gimelshein 2018, arXiv:1805.02867), with exponentials in powers
// of two, for attention_avx512_bf16.cpp alone, which includes this after its pragma.
namespace rankine {
namespace {

constexpr float kLog2e = 1.44269504f;
constexpr float kLn2 = 0.693147181f;
constexpr float kMasked = -1e30f;  // a score that no other is as small as, and whose products stay finite

/// 2^x, and 0 far below zero. The mantissa, in [1, 2), is a cubic in the fraction of x, minimax on [0, 1) with relative
/// error 8e-5 (bf16 rounds by up to 4e-3).
__m512 exp2(__m512 x, float constant_term) {
  const __m512 fraction = _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
  __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(0.0780245227f), fraction, _mm512_set1_ps(0.226067155f));
  p = _mm512_fmadd_ps(p, fraction, _mm512_set1_ps(0.695833541f));
  p = _mm512_fmadd_ps(p, fraction, _mm512_set1_ps(constant_term));
  return _mm512_scalef_ps(p, x);  // times 2^floor(x)
}
constexpr float kConstantTerm = 0.999925219f;
__m512 exp2(__m512 x) { return exp2(x, kConstantTerm); }
/// A number whose upper half is 2^x rounded to bf16: half a unit of bf16 is 2^-8 of the mantissa, and adding that to
/// the constant term turns cutting off the lower half into rounding.
__m512 exp2_for_bf16(__m512 x) { return exp2(x, kConstantTerm + 0x1p-8f); }

__m512 cut_to_bf16(__m512 value) {
  return _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(value), _mm512_set1_epi32(~0xffff)));
}

/// log2(x) for x > 0 to 2e-7: with x = 2^k m and s = (m - 1) / (m + 1), ln m = 2 (s + s^3/3 + s^5/5 + ...); |s| <= 1/5.
__m512 log2(__m512 x) {
  const __m512 one = _mm512_set1_ps(1.0f);
  const __m512 m = _mm512_getmant_ps(x, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_src);
  __m512 k = _mm512_getexp_ps(x);
  k = _mm512_mask_add_ps(k, _mm512_cmp_ps_mask(m, one, _CMP_LT_OQ), k, one);
  const __m512 s = _mm512_div_ps(_mm512_sub_ps(m, one), _mm512_add_ps(m, one));
  const __m512 s2 = _mm512_mul_ps(s, s);
  __m512 series = _mm512_fmadd_ps(_mm512_set1_ps(1.0f / 7), s2, _mm512_set1_ps(1.0f / 5));
  series = _mm512_fmadd_ps(series, s2, _mm512_set1_ps(1.0f / 3));
  series = _mm512_fmadd_ps(series, s2, one);
  return _mm512_fmadd_ps(_mm512_mul_ps(series, s), _mm512_set1_ps(2 * kLog2e), k);
}

void fill(float* to, int64_t count, float value) {  // count is a multiple of 16
  for (int64_t i = 0; i < count; i += kLanes) _mm512_store_ps(to + i, _mm512_set1_ps(value));
}

/// Hides from query_begin + lane the keys after it, in a tile of scores from key_begin on.
void mask_future(float* scores, int64_t key_begin, int64_t keys, int64_t query_begin) {
  for (int64_t key = 0; key < keys; ++key) {
    const int64_t first_seeing = key_begin + key - query_begin;
    for (int64_t lane = 0; lane < smaller(first_seeing, kTile); lane += kLanes)
      _mm512_mask_store_ps(scores + key * kTile + lane, lane_mask(first_seeing - lane), _mm512_set1_ps(kMasked));
  }
}

void column_maximum(const float* scores, int64_t keys, float* maximum) {
  constexpr int kVectors = kTile / kLanes;
  __m512 greatest[kVectors];
#pragma GCC unroll 4
  for (int j = 0; j < kVectors; ++j) greatest[j] = _mm512_set1_ps(kMasked);
  for (int64_t key = 0; key < keys; ++key) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j)
      greatest[j] = _mm512_max_ps(greatest[j], _mm512_load_ps(scores + key * kTile + j * kLanes));
  }
#pragma GCC unroll 4
  for (int j = 0; j < kVectors; ++j) _mm512_store_ps(maximum + j * kLanes, greatest[j]);
}

/// How much the greatest score may exceed the one that exponents are taken against before the sums are rescaled (in
/// powers of two). The result is the same; there is room for it, and most tiles then need no rescaling.
constexpr float kRescaleAbove = 6.0f;

/// Running softmax over the keys seen so far, for the queries of a tile. The unit of `reference` is log2.
struct RunningSoftmax {
  float* reference;  // [kTile], what exponents are taken against
  float* sum;        // [kTile] of 2^(score - reference), each as rounded to bf16
  float* rows;       // [head_size][kTile], the sums of values that belong to them
  int64_t head_size;

  /// p [key / 2][kTile], pairs of keys, = 2^(factor * scores - reference); `maximum` is that of the scores.
  /// An odd key out has a row of kMasked behind it.
  void add_tile(const float* scores, const float* maximum, int64_t keys, float factor, bool first, uint32_t* p) const {
    const __m512 scale = _mm512_set1_ps(factor);
    const __m512bh ones = (__m512bh)_mm512_set1_epi32(0x3f803f80);
    for (int64_t lane = 0; lane < kTile; lane += kLanes) {
      const __m512 greatest = _mm512_mul_ps(_mm512_load_ps(maximum + lane), scale);
      __m512 against = first ? greatest : _mm512_load_ps(reference + lane);
      __m512 total = first ? _mm512_setzero_ps() : _mm512_load_ps(sum + lane);
      const __m512 limit = _mm512_add_ps(against, _mm512_set1_ps(kRescaleAbove));
      if (_mm512_cmp_ps_mask(greatest, limit, _CMP_GT_OQ) != 0) {
        const __m512 raised = _mm512_max_ps(against, greatest);
        const __m512 shrink = exp2(_mm512_sub_ps(against, raised));
        rescale(lane, shrink);
        total = _mm512_mul_ps(total, shrink);
        against = raised;
      }
      __m512 other_total = _mm512_setzero_ps();  // two chains of sums hide their latency
      int64_t key = 0;
      for (; key + 4 <= keys; key += 4) {
        total = _mm512_dpbf16_ps(total, exponentials(scores, key, lane, scale, against, p), ones);
        other_total = _mm512_dpbf16_ps(other_total, exponentials(scores, key + 2, lane, scale, against, p), ones);
      }
      for (; key < keys; key += 2)
        total = _mm512_dpbf16_ps(total, exponentials(scores, key, lane, scale, against, p), ones);
      _mm512_store_ps(reference + lane, against);
      _mm512_store_ps(sum + lane, _mm512_add_ps(total, other_total));
    }
  }

 private:
  static __m512bh exponentials(const float* scores, int64_t key, int64_t lane, __m512 scale, __m512 against,
                               uint32_t* p) {
    const float* at = scores + key * kTile + lane;
    const __m512 even = exp2_for_bf16(_mm512_fmsub_ps(_mm512_load_ps(at), scale, against));
    const __m512 odd = exp2_for_bf16(_mm512_fmsub_ps(_mm512_load_ps(at + kTile), scale, against));
    const __m512i pair = kUpperHalvesPaired(_mm512_castps_si512(even), _mm512_castps_si512(odd));
    _mm512_store_si512(p + key / 2 * kTile + lane, pair);
    return (__m512bh)pair;
  }
  void rescale(int64_t lane, __m512 shrink) const {
    for (int64_t i = 0; i < head_size; ++i) {
      float* at = rows + i * kTile + lane;
      _mm512_store_ps(at, _mm512_mul_ps(_mm512_load_ps(at), shrink));
    }
  }
};

}  // namespace
}  // namespace rankine
