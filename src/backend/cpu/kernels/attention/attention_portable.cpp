// Attention in f32 arithmetic on any processor: this file is compiled once for each instruction set that Highway knows,
// and the best that runs here is chosen at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/kernels/attention/attention_portable.cpp"
// Nothing here gains from these beside SSE4, AVX2 and AVX-512, and they would only be compiled for nothing. The
// scalable vectors of SVE and RVV cannot be held in arrays, which the register tiles need; Arm runs NEON.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>

#include "backend/cpu/kernels/attention/attention_isa.h"
#include "backend/cpu/kernels/attention/attention_products-inl.h"
#include "backend/cpu/kernels/attention/attention_tokens-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rankine {
namespace HWY_NAMESPACE {
namespace {

constexpr float kLog2e = 1.44269504f;
constexpr float kLn2 = 0.693147181f;
constexpr float kMasked = -1e30f;  // a score that no other is as small as, and whose products stay finite

// ---- Softmax -------------------------------------------------------------------------------------------------------

/// 2^x for x <= 127; for results below 2^-126 about that. Minimax polynomial on [-1/2, 1/2], relative error 2e-9.
HWY_INLINE Vec exp2(Vec x) {
  const Floats d;
  const hn::Rebind<int32_t, Floats> i32;
  // At 1.5 * 2^23 the spacing of floats is 1: the sum is rounded to a whole number, which its lowest bits hold.
  const Vec shifter = hn::Set(d, 12582912.0f);
  x = hn::Max(x, hn::Set(d, -126.0f));
  const Vec shifted = hn::Add(x, shifter);
  const Vec f = hn::Sub(x, hn::Sub(shifted, shifter));
  Vec p = hn::MulAdd(hn::Set(d, 0.00015345812f), f, hn::Set(d, 0.00133999312f));
  p = hn::MulAdd(p, f, hn::Set(d, 0.00961848896f));
  p = hn::MulAdd(p, f, hn::Set(d, 0.0555032878f));
  p = hn::MulAdd(p, f, hn::Set(d, 0.240226469f));
  p = hn::MulAdd(p, f, hn::Set(d, 0.693147206f));
  p = hn::MulAdd(p, f, hn::Set(d, 1.0f));
  // Adding to the exponent field multiplies by a power of two.
  return hn::BitCast(d, hn::Add(hn::BitCast(i32, p), hn::ShiftLeft<23>(hn::BitCast(i32, shifted))));
}

/// Hides from query_begin + lane the keys after it, in a panel of scores from key_begin on.
void mask_future(float* scores, int64_t row, int64_t key_begin, int64_t keys, int64_t query_begin) {
  for (int64_t key = 0; key < keys; ++key) {
    const int64_t first_seeing = std::clamp<int64_t>(key_begin + key - query_begin, 0, kPanel);
    std::fill(scores + key * row, scores + key * row + first_seeing, kMasked);
  }
}

/// The greatest score may exceed the reference of the exponents by this much, in powers of two, before the sums are
/// rescaled. The result is the same; f32 has room, and most tiles need no rescaling (FlashAttention-4 does
/// likewise).
constexpr float kRescaleAbove = 6.0f;

/// Running softmax over the keys seen so far, for the queries of a panel. The unit of `max` is log2.
struct RunningSoftmax {
  float* max;   // [kPanel], the reference of the exponents
  float* sum;   // [kPanel] of 2^(score - max)
  float* rows;  // [head_size][kPanel], the sums of values that belong to them
  int64_t head_size;

  /// scores [keys][kPanel] become 2^(factor * scores - max).
  void add_keys(float* scores, int64_t keys, float factor, bool first) const {
    const Floats d;
    const Vec scale = hn::Set(d, factor);
    Vec reference[kPanelVectors], total[kPanelVectors];
    for (int j = 0; j < kPanelVectors; ++j) reference[j] = hn::Load(d, scores + j * kLanes);
    for (int64_t key = 1; key < keys; ++key)
      for (int j = 0; j < kPanelVectors; ++j)
        reference[j] = hn::Max(reference[j], hn::Load(d, scores + key * kPanel + j * kLanes));
    for (int j = 0; j < kPanelVectors; ++j) {
      const Vec greatest = hn::Mul(reference[j], scale);
      reference[j] = first ? greatest : hn::Load(d, max + j * kLanes);
      total[j] = first ? hn::Zero(d) : hn::Load(d, sum + j * kLanes);
      if (!hn::AllFalse(d, hn::Gt(greatest, hn::Add(reference[j], hn::Set(d, kRescaleAbove))))) {
        const Vec raised = hn::Max(reference[j], greatest);
        const Vec shrink = exp2(hn::Sub(reference[j], raised));
        for (int64_t i = j * kLanes; i < head_size * kPanel; i += kPanel)
          hn::Store(hn::Mul(hn::Load(d, rows + i), shrink), d, rows + i);
        total[j] = hn::Mul(total[j], shrink);
        reference[j] = raised;
      }
      hn::Store(reference[j], d, max + j * kLanes);
    }
    for (int64_t key = 0; key < keys; ++key, scores += kPanel) {
      for (int j = 0; j < kPanelVectors; ++j) {
        const Vec p = exp2(hn::MulSub(hn::Load(d, scores + j * kLanes), scale, reference[j]));
        hn::Store(p, d, scores + j * kLanes);
        total[j] = hn::Add(total[j], p);
      }
    }
    for (int j = 0; j < kPanelVectors; ++j) hn::Store(total[j], d, sum + j * kLanes);
  }
};

// ---- Memory --------------------------------------------------------------------------------------------------------

/// Hands out consecutive f32 arrays, each aligned to 64 bytes as long as the counts are multiples of 16.
struct Carver {
  float* next;
  float* take(int64_t count) {
    float* taken = next;
    next += count;
    return taken;
  }
};

int64_t tiles_of(int64_t length) { return (length + kTile - 1) / kTile; }

/// The keys and values as the forward pass reads them; built once, since every tile of queries reads them again.
struct PackedKeys {
  float* k;  // [tiles][kTile * head_size], packed with keys as rows
  float* v;  // [tiles][kTile * head_size], packed with the head as rows
  float* tokens;

  PackedKeys(const AttentionShape& s, float* memory) {
    const int64_t tokens_of_tiles = tiles_of(s.key_length) * kTile;
    Carver carver{memory};
    k = carver.take(tokens_of_tiles * s.head_size);
    v = carver.take(tokens_of_tiles * s.head_size);
    tokens = carver.take(kTile * padded(s.head_size));
  }
  static int64_t count(const AttentionShape& s) {
    return tiles_of(s.key_length) * kTile * 2 * s.head_size + kTile * padded(s.head_size);
  }
};

/// The queries as the backward pass reads them; built once, since every tile of keys reads them again.
struct PackedQueries {
  float* q;            // [tiles][panels][head_size][kPanel]
  float* dout;         // likewise
  float* q_tokens;     // [tiles][kTile][padded]
  float* dout_tokens;  // likewise
  float* lse;          // [tiles][kTile], in log2
  float* delta;        // [tiles][kTile], sum over the head of dout * out
  float* out_tokens;   // [kTile][padded]
  float* out;          // [panels][head_size][kPanel]

  PackedQueries(const AttentionShape& s, float* memory) {
    const int64_t tokens = tiles_of(s.query_length) * kTile, width = padded(s.head_size);
    Carver carver{memory};
    q = carver.take(tokens * s.head_size);
    dout = carver.take(tokens * s.head_size);
    q_tokens = carver.take(tokens * width);
    dout_tokens = carver.take(tokens * width);
    lse = carver.take(tokens);
    delta = carver.take(tokens);
    out_tokens = carver.take(kTile * width);
    out = carver.take(kTile * s.head_size);
  }
  static int64_t count(const AttentionShape& s) {
    const int64_t width = padded(s.head_size);
    return tiles_of(s.query_length) * kTile * (2 * s.head_size + 2 * width + 2) + kTile * (s.head_size + width);
  }
};

struct ForwardTiles {
  float *tokens, *q, *scores, *rows, *max, *sum;
  ForwardTiles(int64_t size, float* memory) {
    Carver carver{memory};
    tokens = carver.take(kTile * padded(size));  // [query][padded]
    q = carver.take(kTile * size);               // [panel][size][kPanel]
    scores = carver.take(kTile * kPanel);        // [key][kPanel]
    rows = carver.take(kTile * size);            // [panel][size][kPanel]
    max = carver.take(kTile);
    sum = carver.take(kTile);
  }
  static int64_t count(int64_t size) { return kTile * (padded(size) + 2 * size + kPanel + 2); }
};

struct BackwardTiles {
  float *tokens, *k, *v, *k_columns, *p, *ds, *dk, *dv;
  BackwardTiles(int64_t size, float* memory) {
    const int64_t width = padded(size);
    Carver carver{memory};
    tokens = carver.take(kTile * width);    // [key][padded]
    k = carver.take(kTile * size);          // packed with keys as rows
    v = carver.take(kTile * size);          // likewise
    k_columns = carver.take(kTile * size);  // packed with the head as rows
    p = carver.take(kTile * kScoreRow);     // [key][kScoreRow]
    ds = carver.take(kTile * kScoreRow);    // likewise
    dk = carver.take(kTile * width);
    dv = carver.take(kTile * width);
  }
  static int64_t count(int64_t size) { return kTile * (3 * padded(size) + 3 * size + 2 * kScoreRow); }
};

// ---- Passes --------------------------------------------------------------------------------------------------------

AttentionMemory memory(const AttentionShape& s, bool backward) {
  constexpr size_t bytes = sizeof(float);
  if (!backward) {
    return {static_cast<size_t>(PackedKeys::count(s)) * bytes,
            static_cast<size_t>(ForwardTiles::count(s.head_size)) * bytes, 0};
  }
  return {static_cast<size_t>(PackedQueries::count(s)) * bytes,
          static_cast<size_t>(BackwardTiles::count(s.head_size)) * bytes,
          static_cast<size_t>(tiles_of(s.query_length) * kTile * s.head_size) * bytes};
}

template <class Storage>
void pack_forward(const AttentionShape& s, const AttentionHead& head, void* packed) {
  using Element = typename Storage::Element;
  const int64_t size = s.head_size, width = padded(size);
  const PackedKeys to(s, static_cast<float*>(packed));
  for (int64_t k0 = 0; k0 < s.key_length; k0 += kTile) {
    const int64_t keys = std::min(kTile, s.key_length - k0);
    load_tokens<Storage>(static_cast<const Element*>(head.k) + k0 * s.key_stride, s.key_stride, keys, size, to.tokens);
    pack_rows(keys, size, to.tokens, width, to.k + k0 * size);
    load_tokens<Storage>(static_cast<const Element*>(head.v) + k0 * s.value_stride, s.value_stride, keys, size,
                         to.tokens);
    pack_columns(size, keys, to.tokens, width, to.v + k0 * size);
  }
}

template <class Storage>
void forward(const AttentionShape& s, const AttentionHead& head, const void* packed, int64_t query_begin,
             int64_t query_end, void* thread) {
  using Element = typename Storage::Element;
  const Floats d;
  const int64_t size = s.head_size;
  const PackedKeys from(s, static_cast<float*>(const_cast<void*>(packed)));
  const ForwardTiles tile(size, static_cast<float*>(thread));
  for (int64_t q0 = query_begin; q0 < query_end; q0 += kTile) {
    const int64_t queries = std::min(kTile, query_end - q0);
    load_tokens<Storage>(static_cast<const Element*>(head.q) + q0 * s.query_stride, s.query_stride, queries, size,
                         tile.tokens);
    to_panels(tile.tokens, size, tile.q);
    const int64_t key_end = s.causal ? std::min(s.key_length, q0 + queries) : s.key_length;
    for (int64_t k0 = 0; k0 < key_end; k0 += kTile) {
      const int64_t keys = std::min(kTile, s.key_length - k0);
      for (int64_t first = 0; first < queries; first += kPanel) {
        float* const rows = tile.rows + first * size;
        multiply_panel(keys, size, from.k + k0 * size, tile.q + first * size, kPanel, tile.scores, kPanel,
                       /*add=*/false);
        if (s.causal) mask_future(tile.scores, kPanel, k0, keys, q0 + first);
        const RunningSoftmax softmax{tile.max + first, tile.sum + first, rows, size};
        softmax.add_keys(tile.scores, keys, s.scale * kLog2e, /*first=*/k0 == 0);
        multiply_panel(size, keys, from.v + k0 * size, tile.scores, kPanel, rows, kPanel, /*add=*/k0 > 0);
      }
    }
    for (int64_t first = 0; first < queries; first += kPanel) {
      for (int64_t lane = 0; lane < kPanel; lane += kLanes) {
        const Vec inverse = hn::Div(hn::Set(d, 1.0f), hn::Load(d, tile.sum + first + lane));
        float* const rows = tile.rows + first * size + lane;
        for (int64_t i = 0; i < size; ++i)
          hn::Store(hn::Mul(hn::Load(d, rows + i * kPanel), inverse), d, rows + i * kPanel);
      }
    }
    from_panels(tile.rows, size, tile.tokens);
    store_tokens<Storage>(tile.tokens, 1.0f, static_cast<Element*>(head.out) + q0 * s.output_stride, s.output_stride,
                          queries, size);
    for (int64_t t = 0; t < queries; ++t) head.lse[q0 + t] = tile.max[t] * kLn2 + std::log(tile.sum[t]);
  }
}

/// Missing queries of the last tile are zero throughout, which makes their share of every gradient zero.
template <class Storage>
void pack_backward(const AttentionShape& s, const AttentionHead& head, void* packed) {
  using Element = typename Storage::Element;
  const Floats d;
  const int64_t size = s.head_size, width = padded(size);
  const PackedQueries to(s, static_cast<float*>(packed));
  for (int64_t q0 = 0; q0 < s.query_length; q0 += kTile) {
    const int64_t count = std::min(kTile, s.query_length - q0);
    const int64_t at_output = q0 * s.output_stride;
    load_tokens<Storage>(static_cast<const Element*>(head.q) + q0 * s.query_stride, s.query_stride, count, size,
                         to.q_tokens + q0 * width);
    to_panels(to.q_tokens + q0 * width, size, to.q + q0 * size);
    load_tokens<Storage>(static_cast<const Element*>(head.dout) + at_output, s.output_stride, count, size,
                         to.dout_tokens + q0 * width);
    to_panels(to.dout_tokens + q0 * width, size, to.dout + q0 * size);
    load_tokens<Storage>(static_cast<const Element*>(head.out) + at_output, s.output_stride, count, size,
                         to.out_tokens);
    to_panels(to.out_tokens, size, to.out);
    for (int64_t first = 0; first < kTile; first += kPanel) {
      for (int64_t lane = 0; lane < kPanel; lane += kLanes) {
        const float* const dout = to.dout + (q0 + first) * size + lane;
        const float* const out = to.out + first * size + lane;
        Vec sum = hn::Zero(d);
        for (int64_t i = 0; i < size * kPanel; i += kPanel)
          sum = hn::MulAdd(hn::Load(d, dout + i), hn::Load(d, out + i), sum);
        hn::Store(sum, d, to.delta + q0 + first + lane);
      }
    }
    for (int64_t t = 0; t < kTile; ++t) to.lse[q0 + t] = t < count ? head.lse[q0 + t] * kLog2e : 0.0f;
  }
}

/// p = 2^(factor * p - lse), ds = p * (ds - delta), for panels [keys][kScoreRow] that come as scores and as v dout^T.
void softmax_gradient(float* p, float* ds, int64_t keys, float factor, const float* lse, const float* delta) {
  const Floats d;
  const Vec scale = hn::Set(d, factor);
  for (int64_t key = 0; key < keys; ++key, p += kScoreRow, ds += kScoreRow) {
    for (int64_t lane = 0; lane < kPanel; lane += kLanes) {
      const Vec probability = exp2(hn::MulSub(hn::Load(d, p + lane), scale, hn::Load(d, lse + lane)));
      hn::Store(probability, d, p + lane);
      hn::Store(hn::Mul(probability, hn::Sub(hn::Load(d, ds + lane), hn::Load(d, delta + lane))), d, ds + lane);
    }
  }
}

template <class Storage>
void backward(const AttentionShape& s, const AttentionHead& head, const void* packed, int64_t key_begin,
              int64_t key_end, void* dq_terms, void* thread) {
  using Element = typename Storage::Element;
  const int64_t size = s.head_size, width = padded(size);
  const PackedQueries from(s, static_cast<float*>(const_cast<void*>(packed)));
  const BackwardTiles tile(size, static_cast<float*>(thread));
  float* const dq = static_cast<float*>(dq_terms);  // [tiles][panels][size][kPanel]
  std::fill(dq, dq + tiles_of(s.query_length) * kTile * size, 0.0f);
  for (int64_t k0 = key_begin; k0 < key_end; k0 += kTile) {
    const int64_t keys = std::min(kTile, key_end - k0);
    load_tokens<Storage>(static_cast<const Element*>(head.v) + k0 * s.value_stride, s.value_stride, keys, size,
                         tile.tokens);
    pack_rows(keys, size, tile.tokens, width, tile.v);
    load_tokens<Storage>(static_cast<const Element*>(head.k) + k0 * s.key_stride, s.key_stride, keys, size,
                         tile.tokens);
    pack_rows(keys, size, tile.tokens, width, tile.k);
    pack_columns(size, keys, tile.tokens, width, tile.k_columns);
    std::fill(tile.dk, tile.dk + kTile * width, 0.0f);
    std::fill(tile.dv, tile.dv + kTile * width, 0.0f);
    // Under a causal mask no query before the first key of the tile sees any of them.
    for (int64_t q0 = s.causal ? k0 : 0; q0 < s.query_length; q0 += kTile) {
      const int64_t count = std::min(kTile, s.query_length - q0);
      for (int64_t first = 0; first < count; first += kPanel) {
        const int64_t at = (q0 + first) * size;
        float* const p = tile.p + first;
        float* const ds = tile.ds + first;
        multiply_panel(keys, size, tile.k, from.q + at, kPanel, p, kScoreRow, /*add=*/false);
        multiply_panel(keys, size, tile.v, from.dout + at, kPanel, ds, kScoreRow, /*add=*/false);
        if (s.causal) mask_future(p, kScoreRow, k0, keys, q0 + first);
        softmax_gradient(p, ds, keys, s.scale * kLog2e, from.lse + q0 + first, from.delta + q0 + first);
        multiply_panel(size, keys, tile.k_columns, ds, kScoreRow, dq + at, kPanel, /*add=*/true);
      }
      multiply_scores(keys, width, count, tile.ds, from.q_tokens + q0 * width, width, tile.dk, width);
      multiply_scores(keys, width, count, tile.p, from.dout_tokens + q0 * width, width, tile.dv, width);
    }
    store_tokens<Storage>(tile.dk, s.scale, static_cast<Element*>(head.dk) + k0 * s.key_stride, s.key_stride, keys,
                          size);
    store_tokens<Storage>(tile.dv, 1.0f, static_cast<Element*>(head.dv) + k0 * s.value_stride, s.value_stride, keys,
                          size);
  }
}

template <class Storage>
void store_dq(const AttentionShape& s, const AttentionHead& head, const void* dq_terms, int64_t parts, void* thread) {
  using Element = typename Storage::Element;
  const Floats d;
  const int64_t size = s.head_size;
  const int64_t count = tiles_of(s.query_length) * kTile * size;  // of one part
  const BackwardTiles tile(size, static_cast<float*>(thread));
  float* const sum = tile.k;  // [panels][size][kPanel]
  for (int64_t q0 = 0; q0 < s.query_length; q0 += kTile) {
    const float* const terms = static_cast<const float*>(dq_terms) + q0 * size;
    for (int64_t i = 0; i < size * kTile; i += kLanes) {
      Vec total = hn::Load(d, terms + i);
      for (int64_t part = 1; part < parts; ++part) total = hn::Add(total, hn::Load(d, terms + part * count + i));
      hn::Store(total, d, sum + i);
    }
    from_panels(sum, size, tile.tokens);
    store_tokens<Storage>(tile.tokens, s.scale, static_cast<Element*>(head.dq) + q0 * s.query_stride, s.query_stride,
                          std::min(kTile, s.query_length - q0), size);
  }
}

template <class Storage>
constexpr AttentionKernels kernels = {
    memory, pack_forward<Storage>, forward<Storage>, pack_backward<Storage>, backward<Storage>, store_dq<Storage>};

}  // namespace

const AttentionKernels* f32_kernels() { return &kernels<F32Storage>; }
const AttentionKernels* bf16_kernels() { return &kernels<Bf16Storage>; }
const AttentionKernels* f16_kernels() { return &kernels<F16Storage>; }

}  // namespace HWY_NAMESPACE
}  // namespace rankine
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rankine {
namespace {
HWY_EXPORT(f32_kernels);
HWY_EXPORT(bf16_kernels);
HWY_EXPORT(f16_kernels);
}  // namespace

const AttentionKernels& portable_attention(DType dtype) {
  if (dtype == DType::f16) return *HWY_DYNAMIC_DISPATCH(f16_kernels)();
  return dtype == DType::f32 ? *HWY_DYNAMIC_DISPATCH(f32_kernels)() : *HWY_DYNAMIC_DISPATCH(bf16_kernels)();
}

}  // namespace rankine
#endif  // HWY_ONCE
