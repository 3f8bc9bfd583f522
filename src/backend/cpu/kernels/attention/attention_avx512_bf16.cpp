// Attention on processors that multiply pairs of bf16 and add both products to an f32: by vectors (vdpbf16ps) or, with
// AMX, by tiles (tdpbf16ps). The passes are the same; what multiplies, and the layouts it needs, is a parameter.
//
// Only this file is compiled for AVX-512, and from the pragma on. What it uses is its own and internal, so that no
// function another file could share is compiled for a processor that may not be there.
#include "backend/cpu/kernels/attention/attention_isa.h"

#if defined(__linux__) && defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
// GCC 12's own intrinsics name a variable that is uninitialised on purpose (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#pragma GCC push_options
#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")

#include "backend/cpu/kernels/attention/attention_bf16_layouts-inl.h"
#include "backend/cpu/kernels/attention/attention_bf16_products-inl.h"
#include "backend/cpu/kernels/attention/attention_bf16_softmax-inl.h"

namespace rankine {
namespace {

// ---- Products ------------------------------------------------------------------------------------------------------

/// By vectors: any number of rows and of pairs, and the left operand in any order.
struct VectorProducts {
  /// How many tokens, rows of a result and pairs to sum over there must be room for (those past the count are zero).
  static int64_t tokens(int64_t count) { return count; }
  static int64_t rows(int64_t count) { return count; }
  static int64_t depth(int64_t pairs) { return pairs; }

  /// The operand that `over_keys` sums over, for a tile of keys: [key / 2][size].
  static void pack_keys(const Tokens& x, uint32_t* to) { interleave_tokens(x, x.count, x.size, to); }

  /// c [keys][kTile] = a [keys][width] . b [width][kTile]; with a maximum, that of each column over the keys.
  static void over_head(int64_t keys, int64_t width, const uint32_t* a, const uint32_t* b, float* c) {
    multiply_tile<Sum::fresh>(keys, width, {a, width, 1}, b, c);
  }
  static void over_head(int64_t keys, int64_t width, const uint32_t* a, const uint32_t* b, float* c, float* maximum) {
    fill(maximum, kTile, kMasked);
    multiply_tile<Sum::fresh_with_maximum>(keys, width, {a, width, 1}, b, c, maximum);
  }
  /// c [rows(size)][kTile] (+)= a . b [key / 2][kTile], where a is from pack_keys; b has room for depth(pairs) rows.
  template <Sum kSum>
  static void over_keys(int64_t size, int64_t keys, const uint32_t* a, uint32_t* b, float* c) {
    multiply_tile<kSum>(size, pairs_of(keys), {a, 1, size}, b, c);
  }
  /// c [tokens(keys)][columns] += a [tokens(keys)][kTilePairs] . b [kTilePairs][columns], columns a multiple of 16.
  static void over_queries(int64_t keys, int64_t columns, const uint32_t* a, const uint32_t* b, float* c) {
    multiply_add_columns(keys, columns, a, b, c);
  }

  /// Around all products of a thread.
  static void begin() {}
  static void end() {}
};

/// By AMX tiles: rows and pairs come in sixteens, and pairs that are summed over lie one behind the other. Rows past
/// the count may hold anything: they reach only rows of the result that nobody reads.
struct TileProducts {
  static int64_t tokens(int64_t count) { return tiles_of(count) * kTile; }
  static int64_t rows(int64_t count) { return padded(count); }
  static int64_t depth(int64_t pairs) { return padded(pairs); }

  /// [padded(size)][kTilePairs]
  static void pack_keys(const Tokens& x, uint32_t* to) { transpose_token_pairs(x, to); }

  static void over_head(int64_t keys, int64_t width, const uint32_t* a, const uint32_t* b, float* c) {
    multiply_by_tiles(padded(keys), kTile, width, {a, width}, {b, kTile}, {c, kTile}, /*add=*/false);
  }
  static void over_head(int64_t keys, int64_t width, const uint32_t* a, const uint32_t* b, float* c, float* maximum) {
    over_head(keys, width, a, b, c);
    column_maximum(c, keys, maximum);
  }
  template <Sum kSum>
  static void over_keys(int64_t size, int64_t keys, const uint32_t* a, uint32_t* b, float* c) {
    const int64_t pairs = pairs_of(keys);
    for (int64_t p = pairs; p < padded(pairs); ++p)  // zero times what happens to lie there could be NaN
      for (int64_t lane = 0; lane < kTile; lane += kLanes)
        _mm512_store_si512(b + p * kTile + lane, _mm512_setzero_si512());
    multiply_by_tiles(padded(size), kTile, padded(pairs), {a, kTilePairs}, {b, kTile}, {c, kTile}, kSum == Sum::add);
  }
  static void over_queries(int64_t keys, int64_t columns, const uint32_t* a, const uint32_t* b, float* c) {
    multiply_by_tiles(padded(keys), columns, kTilePairs, {a, kTilePairs}, {b, columns}, {c, columns}, /*add=*/true);
  }

  static void begin() { configure_tiles(); }
  static void end() { release_tiles(); }
};

// ---- Memory --------------------------------------------------------------------------------------------------------

/// Hands out consecutive arrays, each aligned to 64 bytes.
class Carver {
 public:
  explicit Carver(void* memory) : next_(static_cast<char*>(memory)) {}
  template <class Element>
  Element* take(int64_t count) {
    char* const taken = next_;
    next_ += (count * static_cast<int64_t>(sizeof(Element)) + 63) / 64 * 64;
    return reinterpret_cast<Element*>(taken);
  }
  size_t bytes_from(void* memory) const { return static_cast<size_t>(next_ - static_cast<char*>(memory)); }

 private:
  char* next_;
};

/// Each of the following lays itself out in memory; `bytes` is what it takes. "width" is Products::depth of
/// pairs_of(head_size), and "rows" Products::rows of head_size.
template <class Products>
struct PackedKeys {
  uint32_t* k;  // [key][width]
  uint32_t* v;  // of each tile of keys, as Products::pack_keys leaves it
  PackedKeys(const AttentionShape& s, Carver& carver) {
    const int64_t keys = Products::tokens(s.key_length);
    k = carver.take<uint32_t>(keys * Products::depth(pairs_of(s.head_size)));
    v = carver.take<uint32_t>(pairs_of(keys) * Products::rows(s.head_size));
  }
};

template <class Products>
struct PackedQueries {
  uint32_t* q;           // [tile][width][kTile], pairs along the head
  uint32_t* dout;        // likewise
  uint32_t* q_pairs;     // [query / 2][padded(head_size)], pairs of queries
  uint32_t* dout_pairs;  // likewise
  float* lse;            // [query], in log2; padded to whole tiles like all of the above
  float* delta;          // [query], sum over the head of dout * out
  PackedQueries(const AttentionShape& s, Carver& carver) {
    const int64_t queries = tiles_of(s.query_length) * kTile;
    q = carver.take<uint32_t>(queries * Products::depth(pairs_of(s.head_size)));
    dout = carver.take<uint32_t>(queries * Products::depth(pairs_of(s.head_size)));
    q_pairs = carver.take<uint32_t>(queries / 2 * padded(s.head_size));
    dout_pairs = carver.take<uint32_t>(queries / 2 * padded(s.head_size));
    lse = carver.take<float>(queries);
    delta = carver.take<float>(queries);
  }
};

template <class Products>
struct ForwardTiles {
  uint32_t* q;    // [width][kTile]
  float* scores;  // [key][kTile]
  uint32_t* p;    // [key / 2][kTile], pairs of keys
  float* rows;    // [rows][kTile]
  float *maximum, *reference, *sum;
  ForwardTiles(const AttentionShape& s, Carver& carver) {
    q = carver.take<uint32_t>(Products::depth(pairs_of(s.head_size)) * kTile);
    scores = carver.take<float>(kTile * kTile);
    p = carver.take<uint32_t>(kTilePairs * kTile);
    rows = carver.take<float>(Products::rows(s.head_size) * kTile);
    maximum = carver.take<float>(kTile);
    reference = carver.take<float>(kTile);
    sum = carver.take<float>(kTile);
  }
};

template <class Products>
struct BackwardTiles {
  uint32_t *k, *v;     // [key][width]
  uint32_t* k_pairs;   // as Products::pack_keys leaves it
  float *scores, *dp;  // [key][kTile]
  uint32_t *p, *ds;    // [key][kTile / 2], pairs of queries
  uint32_t* ds_pairs;  // [key / 2][kTile], pairs of keys
  float *dk, *dv;      // [key][padded(head_size)]
  BackwardTiles(const AttentionShape& s, Carver& carver) {
    k = carver.take<uint32_t>(kTile * Products::depth(pairs_of(s.head_size)));
    v = carver.take<uint32_t>(kTile * Products::depth(pairs_of(s.head_size)));
    k_pairs = carver.take<uint32_t>(kTilePairs * Products::rows(s.head_size));
    scores = carver.take<float>(kTile * kTile);
    dp = carver.take<float>(kTile * kTile);
    p = carver.take<uint32_t>(kTile * kTilePairs);
    ds = carver.take<uint32_t>(kTile * kTilePairs);
    ds_pairs = carver.take<uint32_t>(kTilePairs * kTile);
    dk = carver.take<float>(kTile * padded(s.head_size));
    dv = carver.take<float>(kTile * padded(s.head_size));
  }
};

template <class Layout>
size_t bytes_of(const AttentionShape& s) {
  Carver carver(nullptr);
  Layout(s, carver);
  return carver.bytes_from(nullptr);
}

template <class Layout>
Layout layout_in(const AttentionShape& s, const void* memory) {
  Carver carver(const_cast<void*>(memory));
  return Layout(s, carver);
}

template <class Products>
AttentionMemory memory(const AttentionShape& s, bool backward) {
  if (!backward) return {bytes_of<PackedKeys<Products>>(s), bytes_of<ForwardTiles<Products>>(s), 0};
  return {bytes_of<PackedQueries<Products>>(s), bytes_of<BackwardTiles<Products>>(s),
          static_cast<size_t>(tiles_of(s.query_length) * kTile * Products::rows(s.head_size)) * sizeof(float)};
}

// ---- Passes --------------------------------------------------------------------------------------------------------

Tokens tokens_of(const void* data, int64_t stride, int64_t count, int64_t size) {
  return {static_cast<const uint16_t*>(data), stride, count, size};
}

template <class Products>
void pack_forward(const AttentionShape& s, const AttentionHead& head, void* packed) {
  const PackedKeys<Products> keys = layout_in<PackedKeys<Products>>(s, packed);
  copy_pairs(tokens_of(head.k, s.key_stride, s.key_length, s.head_size), Products::tokens(s.key_length),
             Products::depth(pairs_of(s.head_size)), keys.k);
  const Tokens v = tokens_of(head.v, s.value_stride, s.key_length, s.head_size);
  for (int64_t k0 = 0; k0 < s.key_length; k0 += kTile)
    Products::pack_keys(v.from(k0, kTile), keys.v + k0 / 2 * Products::rows(s.head_size));
}

template <class Products>
void forward(const AttentionShape& s, const AttentionHead& head, const void* packed, int64_t query_begin,
             int64_t query_end, void* thread) {
  const int64_t size = s.head_size, width = Products::depth(pairs_of(size));
  const PackedKeys<Products> all = layout_in<PackedKeys<Products>>(s, packed);
  const ForwardTiles<Products> tile = layout_in<ForwardTiles<Products>>(s, thread);
  const RunningSoftmax softmax{tile.reference, tile.sum, tile.rows, size};
  const Tokens q = tokens_of(head.q, s.query_stride, s.query_length, size);
  Products::begin();
  for (int64_t q0 = query_begin; q0 < query_end; q0 += kTile) {
    const int64_t queries = smaller(kTile, query_end - q0);
    transpose_pairs(q.from(q0, kTile), width, tile.q);
    const int64_t key_end = s.causal ? smaller(s.key_length, q0 + queries) : s.key_length;
    for (int64_t k0 = 0; k0 < key_end; k0 += kTile) {
      const int64_t keys = smaller(kTile, key_end - k0);
      Products::over_head(keys, width, all.k + k0 * width, tile.q, tile.scores, tile.maximum);
      if (s.causal && k0 + keys > q0) {
        mask_future(tile.scores, k0, keys, q0);
        column_maximum(tile.scores, keys, tile.maximum);
      }
      if (keys % 2 != 0) fill(tile.scores + keys * kTile, kTile, kMasked);
      softmax.add_tile(tile.scores, tile.maximum, keys, s.scale * kLog2e, /*first=*/k0 == 0, tile.p);
      const uint32_t* const v = all.v + k0 / 2 * Products::rows(size);
      if (k0 == 0) {
        Products::template over_keys<Sum::fresh>(size, keys, v, tile.p, tile.rows);
      } else {
        Products::template over_keys<Sum::add>(size, keys, v, tile.p, tile.rows);
      }
    }
    for (int64_t lane = 0; lane < kTile; lane += kLanes) {
      const __m512 sum = _mm512_load_ps(tile.sum + lane);
      const __m512 lse =
          _mm512_mul_ps(_mm512_add_ps(_mm512_load_ps(tile.reference + lane), log2(sum)), _mm512_set1_ps(kLn2));
      _mm512_mask_storeu_ps(head.lse + q0 + lane, lane_mask(queries - lane), lse);
      _mm512_store_ps(tile.sum + lane, _mm512_div_ps(_mm512_set1_ps(1.0f), sum));
    }
    store_transposed(tile.rows, tile.sum, queries, size, static_cast<uint16_t*>(head.out) + q0 * s.output_stride,
                     s.output_stride);
  }
  Products::end();
}

/// Sum of a[i] * b[i] over a token's head.
float dot(const uint16_t* a, const uint16_t* b, int64_t size) {
  __m512 sum = _mm512_setzero_ps();
  for (int64_t i = 0; i < size; i += 32) {
    const __mmask32 columns = low_bits(size - i);
    sum = _mm512_dpbf16_ps(sum, (__m512bh)_mm512_maskz_loadu_epi16(columns, a + i),
                           (__m512bh)_mm512_maskz_loadu_epi16(columns, b + i));
  }
  return _mm512_reduce_add_ps(sum);
}

/// Missing queries of the last tile are zero throughout, which makes their share of every gradient zero.
template <class Products>
void pack_backward(const AttentionShape& s, const AttentionHead& head, void* packed) {
  const int64_t size = s.head_size, width = Products::depth(pairs_of(size));
  const PackedQueries<Products> all = layout_in<PackedQueries<Products>>(s, packed);
  const Tokens q = tokens_of(head.q, s.query_stride, s.query_length, size);
  const Tokens dout = tokens_of(head.dout, s.output_stride, s.query_length, size);
  const Tokens out = tokens_of(head.out, s.output_stride, s.query_length, size);
  const int64_t queries = tiles_of(s.query_length) * kTile;
  for (int64_t q0 = 0; q0 < queries; q0 += kTile) {
    transpose_pairs(q.from(q0, kTile), width, all.q + q0 * width);
    transpose_pairs(dout.from(q0, kTile), width, all.dout + q0 * width);
  }
  interleave_tokens(q, queries, padded(size), all.q_pairs);
  interleave_tokens(dout, queries, padded(size), all.dout_pairs);
  for (int64_t t = 0; t < queries; ++t) {
    const bool there = t < s.query_length;
    all.lse[t] = there ? head.lse[t] * kLog2e : 0.0f;
    all.delta[t] = there ? dot(dout.data + t * dout.stride, out.data + t * out.stride, size) : 0.0f;
  }
}

/// From tiles [key][kTile] of scores and of dp = v dout^T, an even number of keys: p = 2^(factor * scores - lse) and
/// ds = p * (dp - delta), rounded, in the orders that the products need.
template <class Tiles>
void softmax_gradient(const Tiles& tile, int64_t keys, float factor, const float* lse, const float* delta) {
  const __m512 scale = _mm512_set1_ps(factor);
  for (int64_t lane = 0; lane < kTile; lane += 2 * kLanes) {
    const __m512 against[2] = {_mm512_load_ps(lse + lane), _mm512_load_ps(lse + lane + kLanes)};
    const __m512 mean[2] = {_mm512_load_ps(delta + lane), _mm512_load_ps(delta + lane + kLanes)};
    for (int64_t key = 0; key < keys; key += 2) {
      __m512i ds[2];
#pragma GCC unroll 2
      for (int i = 0; i < 2; ++i) {
        const int64_t at = (key + i) * kTile + lane;
        __m512 p[2], product[2];
#pragma GCC unroll 2
        for (int j = 0; j < 2; ++j) {
          p[j] = exp2_for_bf16(_mm512_fmsub_ps(_mm512_load_ps(tile.scores + at + j * kLanes), scale, against[j]));
          product[j] =
              _mm512_mul_ps(cut_to_bf16(p[j]), _mm512_sub_ps(_mm512_load_ps(tile.dp + at + j * kLanes), mean[j]));
        }
        ds[i] = (__m512i)_mm512_cvtne2ps_pbh(product[1], product[0]);
        _mm512_store_si512(tile.p + at / 2, kUpperHalves(_mm512_castps_si512(p[0]), _mm512_castps_si512(p[1])));
        _mm512_store_si512(tile.ds + at / 2, ds[i]);
      }
      uint32_t* const pairs = tile.ds_pairs + key / 2 * kTile + lane;
      _mm512_store_si512(pairs, kLowerWordsPaired(ds[0], ds[1]));
      _mm512_store_si512(pairs + kLanes, kUpperWordsPaired(ds[0], ds[1]));
    }
  }
}

template <class Products>
void backward(const AttentionShape& s, const AttentionHead& head, const void* packed, int64_t key_begin,
              int64_t key_end, void* dq_terms, void* thread) {
  const int64_t size = s.head_size, width = Products::depth(pairs_of(size)), columns = padded(size);
  const int64_t rows = Products::rows(size);
  const PackedQueries<Products> all = layout_in<PackedQueries<Products>>(s, packed);
  const BackwardTiles<Products> tile = layout_in<BackwardTiles<Products>>(s, thread);
  const Tokens all_k = tokens_of(head.k, s.key_stride, s.key_length, size);
  const Tokens all_v = tokens_of(head.v, s.value_stride, s.key_length, size);
  float* const dq = static_cast<float*>(dq_terms);  // [tile][rows][kTile]
  fill(dq, tiles_of(s.query_length) * kTile * rows, 0.0f);
  Products::begin();
  for (int64_t k0 = key_begin; k0 < key_end; k0 += kTile) {
    const int64_t keys = smaller(kTile, key_end - k0), even_keys = 2 * pairs_of(keys);
    const Tokens k = all_k.from(k0, keys), v = all_v.from(k0, keys);
    copy_pairs(k, Products::tokens(keys), width, tile.k);
    copy_pairs(v, Products::tokens(keys), width, tile.v);
    Products::pack_keys(k, tile.k_pairs);
    fill(tile.dk, kTile * columns, 0.0f);
    fill(tile.dv, kTile * columns, 0.0f);
    // Under a causal mask no query before the first key of the tile sees any of them.
    for (int64_t q0 = s.causal ? k0 : 0; q0 < s.query_length; q0 += kTile) {
      Products::over_head(keys, width, tile.k, all.q + q0 * width, tile.scores);
      Products::over_head(keys, width, tile.v, all.dout + q0 * width, tile.dp);
      if (s.causal && k0 + keys > q0) mask_future(tile.scores, k0, keys, q0);
      if (keys != even_keys) {  // a key that is not there: p = ds = 0
        fill(tile.scores + keys * kTile, kTile, kMasked);
        fill(tile.dp + keys * kTile, kTile, 0.0f);
      }
      softmax_gradient(tile, even_keys, s.scale * kLog2e, all.lse + q0, all.delta + q0);
      const int64_t pairs = q0 / 2 * columns;
      Products::over_queries(keys, columns, tile.p, all.dout_pairs + pairs, tile.dv);
      Products::over_queries(keys, columns, tile.ds, all.q_pairs + pairs, tile.dk);
      Products::template over_keys<Sum::add>(size, keys, tile.k_pairs, tile.ds_pairs, dq + q0 * rows);
    }
    store_rows(tile.dk, s.scale, keys, size, static_cast<uint16_t*>(head.dk) + k0 * s.key_stride, s.key_stride);
    store_rows(tile.dv, 1.0f, keys, size, static_cast<uint16_t*>(head.dv) + k0 * s.value_stride, s.value_stride);
  }
  Products::end();
}

template <class Products>
void store_dq(const AttentionShape& s, const AttentionHead& head, const void* dq_terms, int64_t parts, void* thread) {
  const int64_t rows = Products::rows(s.head_size), tile_count = kTile * rows;
  const int64_t part_count = tiles_of(s.query_length) * tile_count;
  Carver carver(thread);  // the other tiles of the thread are not in use now
  float* const factor = carver.take<float>(kTile);
  float* const sum = carver.take<float>(tile_count);
  fill(factor, kTile, s.scale);
  for (int64_t q0 = 0; q0 < s.query_length; q0 += kTile) {
    const float* terms = static_cast<const float*>(dq_terms) + q0 * rows;
    if (parts > 1) {
      for (int64_t i = 0; i < tile_count; i += kLanes) {
        __m512 total = _mm512_load_ps(terms + i);
        for (int64_t part = 1; part < parts; ++part)
          total = _mm512_add_ps(total, _mm512_load_ps(terms + part * part_count + i));
        _mm512_store_ps(sum + i, total);
      }
      terms = sum;
    }
    store_transposed(terms, factor, smaller(kTile, s.query_length - q0), s.head_size,
                     static_cast<uint16_t*>(head.dq) + q0 * s.query_stride, s.query_stride);
  }
}

template <class Products>
constexpr AttentionKernels kKernels = {memory<Products>,        pack_forward<Products>, forward<Products>,
                                       pack_backward<Products>, backward<Products>,     store_dq<Products>};

}  // namespace
}  // namespace rankine

#pragma GCC pop_options

namespace rankine {
namespace {

/// Linux gives a process the state of AMX tiles when it asks (Documentation/x86/xstate.rst).
bool tiles_are_granted() {
  constexpr int kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr int kTileData = 18;               // of the state components that xsave knows
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

}  // namespace

const AttentionKernels* avx512_bf16_attention() {
  const bool runs_here = __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") &&
                         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  return runs_here ? &kKernels<VectorProducts> : nullptr;
}

const AttentionKernels* amx_bf16_attention() {
  static const bool runs_here = avx512_bf16_attention() != nullptr && __builtin_cpu_supports("amx-tile") &&
                                __builtin_cpu_supports("amx-bf16") && tiles_are_granted();
  return runs_here ? &kKernels<TileProducts> : nullptr;
}

}  // namespace rankine

#else

namespace rankine {
const AttentionKernels* avx512_bf16_attention() { return nullptr; }
const AttentionKernels* amx_bf16_attention() { return nullptr; }
}  // namespace rankine

#endif
