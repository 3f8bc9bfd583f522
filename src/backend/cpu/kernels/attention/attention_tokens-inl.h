// Tokens of attention in f32, bf16 or f16, to tiles of f32 and back. Compiled once for each instruction set; included
// after hwy/foreach_target.h, hence the toggled guard.
#if defined(RANKINE_CPU_KERNELS_ATTENTION_TOKENS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RANKINE_CPU_KERNELS_ATTENTION_TOKENS_INL_H_
#undef RANKINE_CPU_KERNELS_ATTENTION_TOKENS_INL_H_
#else
#define RANKINE_CPU_KERNELS_ATTENTION_TOKENS_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "backend/cpu/kernels/attention/attention_products-inl.h"
#include "backend/cpu/kernels/float16-inl.h"
#include "base/half.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rankine {
namespace HWY_NAMESPACE {
namespace {
// NOLINTBEGIN(misc-definitions-in-headers): of one file, and once for each instruction set

/// Rows of tokens are padded to whole vectors, and to the four elements that the ends of rows are loaded by.
int64_t padded(int64_t head_size) {
  constexpr int64_t unit = std::max<int64_t>(kLanes, 4);
  return (head_size + unit - 1) / unit * unit;
}

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

/// to [kTile][padded] = from [tokens][size] at `stride`; zeros after the last token and the head's end.
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

/// A tile of tokens [kTile][padded] as [panels][size][kPanel].
void to_panels(const float* tokens, int64_t size, float* to) {
  const int64_t whole = size / 4 * 4, width = padded(size);
  for (int64_t first = 0; first < kTile; first += kPanel, tokens += kPanel * width, to += size * kPanel) {
    transpose(tokens, width, kPanel, whole, to, kPanel);
    for (int64_t i = whole; i < size; ++i)
      for (int64_t t = 0; t < kPanel; ++t) to[i * kPanel + t] = tokens[t * width + i];
  }
}

/// The reverse. The padding of a row is undefined.
void from_panels(const float* panels, int64_t size, float* to) {
  const int64_t whole = size / 4 * 4, width = padded(size);
  for (int64_t first = 0; first < kTile; first += kPanel, panels += size * kPanel, to += kPanel * width) {
    transpose(panels, kPanel, whole, kPanel, to, width);
    for (int64_t i = whole; i < size; ++i)
      for (int64_t t = 0; t < kPanel; ++t) to[t * width + i] = panels[i * kPanel + t];
  }
}

// NOLINTEND(misc-definitions-in-headers)
}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace rankine
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
