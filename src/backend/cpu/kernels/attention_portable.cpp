// Attention in f32 arithmetic on any processor: this file is compiled once for each instruction set that Highway knows,
// and the best that runs here is chosen at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/kernels/attention_portable.cpp"
// Nothing here gains from these beside SSE4, AVX2 and AVX-512, and they would only be compiled for nothing. The
// scalable vectors of SVE and RVV cannot be held in arrays, which the register tiles need; Arm runs NEON.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "backend/cpu/kernels/attention_isa.h"
#include "backend/cpu/kernels/float16-inl.h"
#include "base/half.h"

HWY_BEFORE_NAMESPACE();
namespace rankine {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Lanes are queries: scores are held as S^T [key][64 queries], so that maxima and sums over keys need no step across
// lanes and a tile of fewer keys has fewer rows. Tiles of tokens are [token][padded head size], zero where there is no
// token.
using Floats = hn::CappedTag<float, 16>;
using Vec = hn::Vec<Floats>;
constexpr int64_t kLanes = hn::MaxLanes(Floats());
constexpr int64_t kTile = kAttentionTile;
constexpr float kLog2e = 1.44269504f;
constexpr float kLn2 = 0.693147181f;
constexpr float kMasked = -1e30f;  // a score that no other is as small as, and whose products stay finite

// Register tiles: rows x vectors sums must leave room for the operands. AVX-512 and NEON have 32 registers, the
// others 16.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON
constexpr int kMaxVectors = 4;
#else
constexpr int kMaxVectors = 2;
#endif
constexpr int kMaxRows = 6;

/// 16 lanes are the widest, so rows padded to 16 suit every instruction set.
int64_t padded(int64_t head_size) { return (head_size + 15) / 16 * 16; }

// ---- Products ------------------------------------------------------------------------------------------------------

/// An operand that is read one element at a time: element (i, p) lies at data[i * row + p * depth].
struct Scalars {
  const float* data;
  int64_t row;
  int64_t depth;
};

/// c[i][0..kVectors) (+)= sum over p < depth of a(i, p) * b[p][0..kVectors), for i < kRows.
template <int kRows, int kVectors>
HWY_INLINE void register_tile(int64_t depth, Scalars a, const float* b, int64_t b_row, float* c, int64_t c_row,
                              bool add) {
  const Floats d;
  Vec sum[kRows][kVectors];
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j) sum[i][j] = add ? hn::Load(d, c + i * c_row + j * kLanes) : hn::Zero(d);
  }
  const float* scalar = a.data;
  for (int64_t p = 0; p < depth; ++p, scalar += a.depth, b += b_row) {
    Vec right[kVectors];
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j) right[j] = hn::Load(d, b + j * kLanes);
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) {
      const Vec left = hn::Set(d, scalar[i * a.row]);
#pragma GCC unroll 8
      for (int j = 0; j < kVectors; ++j) sum[i][j] = hn::MulAdd(left, right[j], sum[i][j]);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j) hn::Store(sum[i][j], d, c + i * c_row + j * kLanes);
  }
}

template <int kVectors>
void column_of_tiles(int64_t rows, int64_t depth, Scalars a, const float* b, int64_t b_row, float* c, int64_t c_row,
                     bool add) {
  int64_t i = 0;
  for (; i + kMaxRows <= rows; i += kMaxRows)
    register_tile<kMaxRows, kVectors>(depth, {a.data + i * a.row, a.row, a.depth}, b, b_row, c + i * c_row, c_row, add);
  const Scalars rest{a.data + i * a.row, a.row, a.depth};
  switch (rows - i) {
    case 5:
      return register_tile<5, kVectors>(depth, rest, b, b_row, c + i * c_row, c_row, add);
    case 4:
      return register_tile<4, kVectors>(depth, rest, b, b_row, c + i * c_row, c_row, add);
    case 3:
      return register_tile<3, kVectors>(depth, rest, b, b_row, c + i * c_row, c_row, add);
    case 2:
      return register_tile<2, kVectors>(depth, rest, b, b_row, c + i * c_row, c_row, add);
    case 1:
      return register_tile<1, kVectors>(depth, rest, b, b_row, c + i * c_row, c_row, add);
    default:
      return;
  }
}

/// c [rows][columns] = (add ? c : 0) + a [rows][depth] * b [depth][columns]; columns are a multiple of 16.
void multiply(int64_t rows, int64_t columns, int64_t depth, Scalars a, const float* b, int64_t b_row, float* c,
              int64_t c_row, bool add) {
  const int64_t vectors = columns / kLanes;
  const int64_t groups = (vectors + kMaxVectors - 1) / kMaxVectors;
  int64_t first = 0;
  for (int64_t group = 0; group < groups; ++group) {
    const int64_t last = vectors * (group + 1) / groups;  // groups of nearly the same size
    const float* right = b + first * kLanes;
    float* out = c + first * kLanes;
    switch (last - first) {
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON
      case 4:
        column_of_tiles<4>(rows, depth, a, right, b_row, out, c_row, add);
        break;
      case 3:
        column_of_tiles<3>(rows, depth, a, right, b_row, out, c_row, add);
        break;
#endif
      case 2:
        column_of_tiles<2>(rows, depth, a, right, b_row, out, c_row, add);
        break;
      default:
        column_of_tiles<1>(rows, depth, a, right, b_row, out, c_row, add);
        break;
    }
    first = last;
  }
}

// ---- Loads, stores and transposes ----------------------------------------------------------------------------------

// For the ends of rows. Highway's fallback without vectors has single lanes only.
#if HWY_TARGET == HWY_SCALAR
using Four = Floats;
#else
using Four = hn::Full128<float>;
#endif
constexpr int64_t kFour = hn::MaxLanes(Four());

struct F32Storage {
  using Element = float;
  template <class D>
  static HWY_INLINE hn::Vec<D> load(D d, const float* from) {
    return hn::LoadU(d, from);
  }
  template <class D>
  static HWY_INLINE void store(D d, hn::Vec<D> value, float* to) {
    hn::StoreU(value, d, to);
  }
  static float widen(float value) { return value; }
  static float narrow(float value) { return value; }
};

struct Bf16Storage {
  using Element = uint16_t;
  template <class D>
  static HWY_INLINE hn::Vec<D> load(D d, const uint16_t* from) {
    const hn::Rebind<uint16_t, D> half;
    const hn::Rebind<uint32_t, D> bits;
    return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(bits, hn::LoadU(half, from))));
  }
  /// To nearest, ties to even. The rounded upper half fits 16 bits, so the narrowing does not saturate.
  template <class D>
  static HWY_INLINE void store(D, hn::Vec<D> value, uint16_t* to) {
    const hn::Rebind<uint16_t, D> half;
    const hn::Rebind<uint32_t, D> u32;
    const hn::Rebind<int32_t, D> i32;
    const auto bits = hn::BitCast(u32, value);
    const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(u32, 1));
    const auto rounded = hn::ShiftRight<16>(hn::Add(bits, hn::Add(odd, hn::Set(u32, 0x7fff))));
    hn::StoreU(hn::DemoteTo(half, hn::BitCast(i32, rounded)), half, to);
  }
  static float widen(uint16_t value) {
    const uint32_t bits = static_cast<uint32_t>(value) << 16;
    float wide;
    std::memcpy(&wide, &bits, sizeof(wide));
    return wide;
  }
  static uint16_t narrow(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
  }
};

struct F16Storage {
  using Element = uint16_t;
  template <class D>
  static HWY_INLINE hn::Vec<D> load(D d, const uint16_t* from) {
    return cpu::HWY_NAMESPACE::load_f16(d, from);
  }
  template <class D>
  static HWY_INLINE void store(D d, hn::Vec<D> value, uint16_t* to) {
    cpu::HWY_NAMESPACE::store_f16(d, value, to);
  }
  static float widen(uint16_t value) { return f32_from_f16(value); }
  static uint16_t narrow(float value) { return f16_from_f32(value); }
};

/// to [kTile][padded] = from [tokens][size] at `stride`; zeros where there is no token or the head has ended.
template <class Storage>
void load_tokens(const typename Storage::Element* from, int64_t stride, int64_t tokens, int64_t size, float* to) {
  const int64_t width = padded(size);
  for (int64_t t = 0; t < tokens; ++t, from += stride, to += width) {
    int64_t i = 0;
    for (; i + kLanes <= size; i += kLanes) hn::Store(Storage::load(Floats(), from + i), Floats(), to + i);
    for (; i + kFour <= size; i += kFour) hn::Store(Storage::load(Four(), from + i), Four(), to + i);
    for (; i < size; ++i) to[i] = Storage::widen(from[i]);
    for (; i < width; ++i) to[i] = 0;
  }
  std::fill(to, to + (kTile - tokens) * width, 0.0f);
}

/// to [tokens][size] at `stride` = factor * from [tokens][padded].
template <class Storage>
void store_tokens(const float* from, float factor, typename Storage::Element* to, int64_t stride, int64_t tokens,
                  int64_t size) {
  const Floats d;
  const int64_t width = padded(size);
  for (int64_t t = 0; t < tokens; ++t, from += width, to += stride) {
    int64_t i = 0;
    for (; i + kLanes <= size; i += kLanes)
      Storage::store(d, hn::Mul(hn::Load(d, from + i), hn::Set(d, factor)), to + i);
    for (; i + kFour <= size; i += kFour)
      Storage::store(Four(), hn::Mul(hn::Load(Four(), from + i), hn::Set(Four(), factor)), to + i);
    for (; i < size; ++i) to[i] = Storage::narrow(from[i] * factor);
  }
}

/// to [columns][to_row] = from [rows][from_row] transposed; both extents are multiples of 4.
void transpose(const float* from, int64_t from_row, int64_t rows, int64_t columns, float* to, int64_t to_row) {
#if HWY_TARGET == HWY_SCALAR
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) to[c * to_row + r] = from[r * from_row + c];
#else
  const Four four;
  const hn::Repartition<double, decltype(four)> two;
  for (int64_t r = 0; r < rows; r += 4) {
    for (int64_t c = 0; c < columns; c += 4) {
      const float* at = from + r * from_row + c;
      const auto a = hn::LoadU(four, at), b = hn::LoadU(four, at + from_row);
      const auto e = hn::LoadU(four, at + 2 * from_row), f = hn::LoadU(four, at + 3 * from_row);
      const auto ab_low = hn::BitCast(two, hn::InterleaveLower(four, a, b));
      const auto ab_high = hn::BitCast(two, hn::InterleaveUpper(four, a, b));
      const auto ef_low = hn::BitCast(two, hn::InterleaveLower(four, e, f));
      const auto ef_high = hn::BitCast(two, hn::InterleaveUpper(four, e, f));
      float* out = to + c * to_row + r;
      hn::StoreU(hn::BitCast(four, hn::InterleaveLower(two, ab_low, ef_low)), four, out);
      hn::StoreU(hn::BitCast(four, hn::InterleaveUpper(two, ab_low, ef_low)), four, out + to_row);
      hn::StoreU(hn::BitCast(four, hn::InterleaveLower(two, ab_high, ef_high)), four, out + 2 * to_row);
      hn::StoreU(hn::BitCast(four, hn::InterleaveUpper(two, ab_high, ef_high)), four, out + 3 * to_row);
    }
  }
#endif
}

// ---- Softmax -------------------------------------------------------------------------------------------------------

/// 2^x for x <= 127; what is below 2^-126 gives about that. Minimax polynomial on [-1/2, 1/2], relative error 2e-9.
HWY_INLINE Vec exp2(Vec x) {
  const Floats d;
  const hn::Rebind<int32_t, Floats> i32;
  x = hn::Max(x, hn::Set(d, -126.0f));
  const Vec whole = hn::Round(x);
  const Vec f = hn::Sub(x, whole);
  Vec p = hn::MulAdd(hn::Set(d, 0.00015345812f), f, hn::Set(d, 0.00133999312f));
  p = hn::MulAdd(p, f, hn::Set(d, 0.00961848896f));
  p = hn::MulAdd(p, f, hn::Set(d, 0.0555032878f));
  p = hn::MulAdd(p, f, hn::Set(d, 0.240226469f));
  p = hn::MulAdd(p, f, hn::Set(d, 0.693147206f));
  p = hn::MulAdd(p, f, hn::Set(d, 1.0f));
  // Adding to the exponent field multiplies by a power of two.
  const auto bits = hn::Add(hn::BitCast(i32, p), hn::ShiftLeft<23>(hn::ConvertTo(i32, whole)));
  return hn::BitCast(d, bits);
}

/// Hides from query_begin + lane the keys after it, in a tile of scores from key_begin on.
void mask_future(float* scores, int64_t key_begin, int64_t keys, int64_t query_begin) {
  for (int64_t key = 0; key < keys; ++key) {
    const int64_t first_seeing = std::clamp<int64_t>(key_begin + key - query_begin, 0, kTile);
    std::fill(scores + key * kTile, scores + key * kTile + first_seeing, kMasked);
  }
}

/// How much the greatest score may exceed the one that exponents are taken against before the sums are rescaled (in
/// powers of two). The result is the same; f32 has room, and most tiles need no rescaling (FlashAttention-4 does
/// likewise).
constexpr float kRescaleAbove = 6.0f;

/// Running softmax over the keys seen so far, for the queries of a tile. The unit of `max` is log2.
struct RunningSoftmax {
  float* max;   // [kTile], what exponents are taken against
  float* sum;   // [kTile] of 2^(score - max)
  float* rows;  // [head_size][kTile], the sums of values that belong to them
  int64_t head_size;

  /// scores [keys][kTile] become 2^(factor * scores - max).
  void add_tile(float* scores, int64_t keys, float factor, bool first) const {
    const Floats d;
    const Vec scale = hn::Set(d, factor);
    for (int64_t lane = 0; lane < kTile; lane += kLanes) {
      Vec greatest = hn::Load(d, scores + lane);
      for (int64_t key = 1; key < keys; ++key) greatest = hn::Max(greatest, hn::Load(d, scores + key * kTile + lane));
      greatest = hn::Mul(greatest, scale);

      Vec reference = first ? greatest : hn::Load(d, max + lane);
      Vec total = first ? hn::Zero(d) : hn::Load(d, sum + lane);
      if (!hn::AllFalse(d, hn::Gt(greatest, hn::Add(reference, hn::Set(d, kRescaleAbove))))) {
        const Vec raised = hn::Max(reference, greatest);
        const Vec shrink = exp2(hn::Sub(reference, raised));
        for (int64_t i = 0; i < head_size; ++i)
          hn::Store(hn::Mul(hn::Load(d, rows + i * kTile + lane), shrink), d, rows + i * kTile + lane);
        total = hn::Mul(total, shrink);
        reference = raised;
      }
      for (int64_t key = 0; key < keys; ++key) {
        float* at = scores + key * kTile + lane;
        const Vec p = exp2(hn::MulSub(hn::Load(d, at), scale, reference));
        hn::Store(p, d, at);
        total = hn::Add(total, p);
      }
      hn::Store(reference, d, max + lane);
      hn::Store(total, d, sum + lane);
    }
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

/// What the tile products read of the queries; built once, since every tile of keys reads it again.
struct PackedQueries {
  float* q;      // [tiles][head_size][kTile]
  float* dout;   // likewise
  float* lse;    // [tiles][kTile], in log2
  float* delta;  // [tiles][kTile], sum over the head of dout * out
  float* staging[2];

  PackedQueries(const AttentionShape& s, float* memory) {
    const int64_t tokens = tiles_of(s.query_length) * kTile;
    Carver carver{memory};
    q = carver.take(tokens * s.head_size);
    dout = carver.take(tokens * s.head_size);
    lse = carver.take(tokens);
    delta = carver.take(tokens);
    for (float*& tile : staging) tile = carver.take(kTile * padded(s.head_size));
  }
  static int64_t count(const AttentionShape& s) {
    return tiles_of(s.query_length) * kTile * (2 * s.head_size + 2) + 2 * kTile * padded(s.head_size);
  }
};

struct ForwardTiles {
  float *tokens, *q, *k, *v, *scores, *rows, *max, *sum;
  ForwardTiles(int64_t size, float* memory) {
    const int64_t width = padded(size);
    Carver carver{memory};
    tokens = carver.take(kTile * width);  // [query][width]
    q = carver.take(width * kTile);       // [width][query]
    k = carver.take(kTile * width);
    v = carver.take(kTile * width);
    scores = carver.take(kTile * kTile);  // [key][query]
    rows = carver.take(width * kTile);    // [width][query]
    max = carver.take(kTile);
    sum = carver.take(kTile);
  }
  static int64_t count(int64_t size) { return kTile * (5 * padded(size) + kTile + 2); }
};

struct BackwardTiles {
  float *k, *v, *q, *dout, *p, *ds, *dk, *dv;
  BackwardTiles(int64_t size, float* memory) {
    const int64_t width = padded(size);
    Carver carver{memory};
    k = carver.take(kTile * width);
    v = carver.take(kTile * width);
    q = carver.take(kTile * width);
    dout = carver.take(kTile * width);
    p = carver.take(kTile * kTile);   // [key][query]
    ds = carver.take(kTile * kTile);  // [key][query]
    dk = carver.take(kTile * width);
    dv = carver.take(kTile * width);
  }
  static int64_t count(int64_t size) { return kTile * (6 * padded(size) + 2 * kTile); }
};

// ---- Passes --------------------------------------------------------------------------------------------------------

AttentionMemory memory(const AttentionShape& s, bool backward) {
  constexpr size_t bytes = sizeof(float);
  if (!backward) return {0, static_cast<size_t>(ForwardTiles::count(s.head_size)) * bytes, 0};
  return {static_cast<size_t>(PackedQueries::count(s)) * bytes,
          static_cast<size_t>(BackwardTiles::count(s.head_size)) * bytes,
          static_cast<size_t>(tiles_of(s.query_length) * kTile * s.head_size) * bytes};
}

void pack_forward(const AttentionShape&, const AttentionHead&, void*) {}

/// A token-major tile as [size][kTile]. `tokens` has room for the padded width, `to` only for `size` rows.
void transpose_tile(const float* tokens, int64_t size, float* to) {
  const int64_t whole = size / 4 * 4, width = padded(size);
  transpose(tokens, width, kTile, whole, to, kTile);
  for (int64_t i = whole; i < size; ++i)
    for (int64_t t = 0; t < kTile; ++t) to[i * kTile + t] = tokens[t * width + i];
}

template <class Storage>
void forward(const AttentionShape& s, const AttentionHead& head, const void*, int64_t query_begin, int64_t query_end,
             void* thread) {
  using Element = typename Storage::Element;
  const Floats d;
  const int64_t size = s.head_size, width = padded(size);
  const ForwardTiles tile(size, static_cast<float*>(thread));
  const RunningSoftmax softmax{tile.max, tile.sum, tile.rows, size};
  for (int64_t q0 = query_begin; q0 < query_end; q0 += kTile) {
    const int64_t queries = std::min(kTile, query_end - q0);
    load_tokens<Storage>(static_cast<const Element*>(head.q) + q0 * s.query_stride, s.query_stride, queries, size,
                         tile.tokens);
    transpose_tile(tile.tokens, size, tile.q);
    const int64_t key_end = s.causal ? std::min(s.key_length, q0 + queries) : s.key_length;
    for (int64_t k0 = 0; k0 < key_end; k0 += kTile) {
      const int64_t keys = std::min(kTile, key_end - k0);
      load_tokens<Storage>(static_cast<const Element*>(head.k) + k0 * s.key_stride, s.key_stride, keys, size, tile.k);
      load_tokens<Storage>(static_cast<const Element*>(head.v) + k0 * s.value_stride, s.value_stride, keys, size,
                           tile.v);
      multiply(keys, kTile, size, {tile.k, width, 1}, tile.q, kTile, tile.scores, kTile, /*add=*/false);
      if (s.causal) mask_future(tile.scores, k0, keys, q0);
      softmax.add_tile(tile.scores, keys, s.scale * kLog2e, /*first=*/k0 == 0);
      multiply(size, kTile, keys, {tile.v, 1, width}, tile.scores, kTile, tile.rows, kTile, /*add=*/k0 > 0);
    }
    for (int64_t lane = 0; lane < kTile; lane += kLanes) {
      const Vec inverse = hn::Div(hn::Set(d, 1.0f), hn::Load(d, tile.sum + lane));
      for (int64_t i = 0; i < size; ++i)
        hn::Store(hn::Mul(hn::Load(d, tile.rows + i * kTile + lane), inverse), d, tile.rows + i * kTile + lane);
    }
    transpose(tile.rows, kTile, (size + 3) / 4 * 4, kTile, tile.tokens, width);
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
  const int64_t size = s.head_size;
  const PackedQueries queries(s, static_cast<float*>(packed));
  float* const tokens = queries.staging[0];
  float* const out = queries.staging[1];
  for (int64_t q0 = 0; q0 < s.query_length; q0 += kTile) {
    const int64_t count = std::min(kTile, s.query_length - q0);
    const int64_t at_output = q0 * s.output_stride;
    float* const dout = queries.dout + q0 * size;
    load_tokens<Storage>(static_cast<const Element*>(head.q) + q0 * s.query_stride, s.query_stride, count, size,
                         tokens);
    transpose_tile(tokens, size, queries.q + q0 * size);
    load_tokens<Storage>(static_cast<const Element*>(head.dout) + at_output, s.output_stride, count, size, tokens);
    transpose_tile(tokens, size, dout);
    load_tokens<Storage>(static_cast<const Element*>(head.out) + at_output, s.output_stride, count, size, tokens);
    transpose_tile(tokens, size, out);
    for (int64_t lane = 0; lane < kTile; lane += kLanes) {
      Vec sum = hn::Zero(d);
      for (int64_t i = 0; i < size; ++i)
        sum = hn::MulAdd(hn::Load(d, dout + i * kTile + lane), hn::Load(d, out + i * kTile + lane), sum);
      hn::Store(sum, d, queries.delta + q0 + lane);
    }
    for (int64_t t = 0; t < kTile; ++t) queries.lse[q0 + t] = t < count ? head.lse[q0 + t] * kLog2e : 0.0f;
  }
}

/// p = 2^(factor * p - lse), ds = p * (ds - delta), for tiles [keys][kTile] that come as scores and as v dout^T.
void softmax_gradient(float* p, float* ds, int64_t keys, float factor, const float* lse, const float* delta) {
  const Floats d;
  const Vec scale = hn::Set(d, factor);
  for (int64_t lane = 0; lane < kTile; lane += kLanes) {
    const Vec reference = hn::Load(d, lse + lane), mean = hn::Load(d, delta + lane);
    for (int64_t i = lane; i < keys * kTile; i += kTile) {
      const Vec probability = exp2(hn::MulSub(hn::Load(d, p + i), scale, reference));
      hn::Store(probability, d, p + i);
      hn::Store(hn::Mul(probability, hn::Sub(hn::Load(d, ds + i), mean)), d, ds + i);
    }
  }
}

template <class Storage>
void backward(const AttentionShape& s, const AttentionHead& head, const void* packed, int64_t key_begin,
              int64_t key_end, void* dq_terms, void* thread) {
  using Element = typename Storage::Element;
  const int64_t size = s.head_size, width = padded(size);
  const PackedQueries queries(s, static_cast<float*>(const_cast<void*>(packed)));
  const BackwardTiles tile(size, static_cast<float*>(thread));
  float* const dq = static_cast<float*>(dq_terms);  // [tiles][size][kTile]
  std::fill(dq, dq + tiles_of(s.query_length) * kTile * size, 0.0f);
  for (int64_t k0 = key_begin; k0 < key_end; k0 += kTile) {
    const int64_t keys = std::min(kTile, key_end - k0);
    load_tokens<Storage>(static_cast<const Element*>(head.k) + k0 * s.key_stride, s.key_stride, keys, size, tile.k);
    load_tokens<Storage>(static_cast<const Element*>(head.v) + k0 * s.value_stride, s.value_stride, keys, size, tile.v);
    std::fill(tile.dk, tile.dk + kTile * width, 0.0f);
    std::fill(tile.dv, tile.dv + kTile * width, 0.0f);
    // Under a causal mask no query before the first key of the tile sees any of them.
    for (int64_t q0 = s.causal ? k0 : 0; q0 < s.query_length; q0 += kTile) {
      const int64_t count = std::min(kTile, s.query_length - q0);
      const float* const q = queries.q + q0 * size;
      const float* const dout = queries.dout + q0 * size;
      multiply(keys, kTile, size, {tile.k, width, 1}, q, kTile, tile.p, kTile, /*add=*/false);
      multiply(keys, kTile, size, {tile.v, width, 1}, dout, kTile, tile.ds, kTile, /*add=*/false);
      if (s.causal) mask_future(tile.p, k0, keys, q0);
      softmax_gradient(tile.p, tile.ds, keys, s.scale * kLog2e, queries.lse + q0, queries.delta + q0);
      multiply(size, kTile, keys, {tile.k, 1, width}, tile.ds, kTile, dq + q0 * size, kTile, /*add=*/true);
      load_tokens<Storage>(static_cast<const Element*>(head.q) + q0 * s.query_stride, s.query_stride, count, size,
                           tile.q);
      load_tokens<Storage>(static_cast<const Element*>(head.dout) + q0 * s.output_stride, s.output_stride, count, size,
                           tile.dout);
      multiply(keys, width, count, {tile.ds, kTile, 1}, tile.q, width, tile.dk, width, /*add=*/true);
      multiply(keys, width, count, {tile.p, kTile, 1}, tile.dout, width, tile.dv, width, /*add=*/true);
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
  float* const sum = tile.k;     // [width][query]
  float* const tokens = tile.v;  // [query][width]
  for (int64_t q0 = 0; q0 < s.query_length; q0 += kTile) {
    const float* const terms = static_cast<const float*>(dq_terms) + q0 * size;
    for (int64_t i = 0; i < size * kTile; i += kLanes) {
      Vec total = hn::Load(d, terms + i);
      for (int64_t part = 1; part < parts; ++part) total = hn::Add(total, hn::Load(d, terms + part * count + i));
      hn::Store(total, d, sum + i);
    }
    transpose(sum, kTile, (size + 3) / 4 * 4, kTile, tokens, padded(size));
    store_tokens<Storage>(tokens, s.scale, static_cast<Element*>(head.dq) + q0 * s.query_stride, s.query_stride,
                          std::min(kTile, s.query_length - q0), size);
  }
}

template <class Storage>
constexpr AttentionKernels kernels = {
    memory, pack_forward, forward<Storage>, pack_backward<Storage>, backward<Storage>, store_dq<Storage>};

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
