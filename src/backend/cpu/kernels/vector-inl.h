// Vector helpers of the kernels, compiled once for each instruction set: loads and stores of f32, bf16 and f16,
// sigmoid, the normal distribution. Included after hwy/foreach_target.h, hence the toggled guard.
#if defined(RANKINE_CPU_KERNELS_VECTOR_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RANKINE_CPU_KERNELS_VECTOR_INL_H_
#undef RANKINE_CPU_KERNELS_VECTOR_INL_H_
#else
#define RANKINE_CPU_KERNELS_VECTOR_INL_H_
#endif

#include <cstdint>
#include <cstring>

#include "backend/cpu/kernels/float16-inl.h"
#include "backend/cpu/kernels/tensor_ptr.h"
#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rankine::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

/// Lanes of a float vector, signed like every size in the kernels.
HWY_INLINE int64_t lanes() { return static_cast<int64_t>(hn::Lanes(D())); }

template <class Tag>
HWY_INLINE hn::Vec<Tag> load(Tag d, const float* x) {
  return hn::LoadU(d, x);
}

template <class Tag>
HWY_INLINE hn::Vec<Tag> load(Tag d, const Bf16* x) {
  const hn::Rebind<uint16_t, Tag> d16;
  const hn::Rebind<uint32_t, Tag> d32;
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(d32, hn::LoadU(d16, x))));
}

template <class Tag>
HWY_INLINE hn::Vec<Tag> load(Tag d, const F16* x) {
  return load_f16(d, &x->bits);
}

HWY_INLINE void store(D d, V v, float* y) { hn::StoreU(v, d, y); }

/// Rounds to nearest even; NaN stays NaN (see bf16_from_f32).
HWY_INLINE void store([[maybe_unused]] D d, V v, Bf16* y) {
  const hn::Rebind<uint16_t, D> d16;
  const hn::Rebind<uint32_t, D> d32;
  const auto bits = hn::BitCast(d32, v);
  const auto upper = hn::ShiftRight<16>(bits);
  const auto even = hn::Add(hn::Set(d32, 0x7fffu), hn::And(upper, hn::Set(d32, 1u)));
  const auto rounded = hn::ShiftRight<16>(hn::Add(bits, even));
  const auto quiet_nan = hn::Or(upper, hn::Set(d32, 0x0040u));
  const auto is_number = hn::RebindMask(d32, hn::Eq(v, v));
  hn::StoreU(hn::TruncateTo(d16, hn::IfThenElse(is_number, rounded, quiet_nan)), d16, y);
}

HWY_INLINE void store(D d, V v, F16* y) { store_f16(d, v, &y->bits); }

/// The first n lanes from memory, the others zero. n is less than a full vector.
template <class Tag, class T>
HWY_INLINE hn::Vec<Tag> load_part(Tag d, const T* x, int64_t n) {
  alignas(64) T buffer[hn::MaxLanes(Tag())] = {};
  std::memcpy(buffer, x, static_cast<size_t>(n) * sizeof(T));
  return load(d, buffer);
}

template <class T>
HWY_INLINE void store_part(D d, V v, T* y, int64_t n) {
  alignas(64) T buffer[hn::MaxLanes(D())];
  store(d, v, buffer);
  std::memcpy(y, buffer, static_cast<size_t>(n) * sizeof(T));
}

/// Sum of all lanes.
template <class Tag>
HWY_INLINE hn::TFromD<Tag> sum_lanes(Tag d, hn::Vec<Tag> v) {
  return hn::GetLane(hn::SumOfLanes(d, v));
}

/// Access to a whole vector, or to the n lanes left at a row's end.
struct Whole {
  template <class T>
  HWY_INLINE V load_from(const T* x) const {
    return load(D(), x);
  }
  template <class T>
  HWY_INLINE void store_to(V v, T* y) const {
    store(D(), v, y);
  }
};
struct Rest {
  int64_t n;
  template <class T>
  HWY_INLINE V load_from(const T* x) const {
    return load_part(D(), x, n);
  }
  template <class T>
  HWY_INLINE void store_to(V v, T* y) const {
    store_part(D(), v, y, n);
  }
};

/// body(i, access) for each vector of a row of n elements.
template <class Body>
HWY_INLINE void for_vectors(int64_t n, const Body& body) {
  const int64_t step = lanes();
  int64_t i = 0;
  for (; i + step <= n; i += step) body(i, Whole());
  if (i < n) body(i, Rest{n - i});
}

/// y[i] = op(x[i]). The last few elements go through the same vector code: a value does not depend on its place.
template <class T, class U, class Op>
HWY_INLINE void map(const T* x, U* y, int64_t n, Op op) {
  const D d;
  const int64_t step = lanes();
  int64_t i = 0;
  for (; i + step <= n; i += step) store(d, op(load(d, x + i)), y + i);
  if (i < n) store_part(d, op(load_part(d, x + i, n - i)), y + i, n - i);
}

/// z[i] = op(x[i], y[i]).
template <class T, class U, class W, class Op>
HWY_INLINE void map(const T* x, const U* y, W* z, int64_t n, Op op) {
  const D d;
  const int64_t step = lanes();
  int64_t i = 0;
  for (; i + step <= n; i += step) store(d, op(load(d, x + i), load(d, y + i)), z + i);
  if (i < n) store_part(d, op(load_part(d, x + i, n - i), load_part(d, y + i, n - i)), z + i, n - i);
}

/// 1 / (1 + exp(-x)).
HWY_INLINE V sigmoid(V x) {
  const D d;
  const V one = hn::Set(d, 1.0f);
  // Highway's exp is correctly infinite from 89 on, but undefined far beyond.
  return hn::Div(one, hn::Add(one, hn::Exp(d, hn::Min(hn::Neg(x), hn::Set(d, 100.0f)))));
}

struct Normal {
  V cumulative;  ///< Phi(x) = (1 + erf(x / sqrt 2)) / 2
  V density;     ///< exp(-x^2 / 2) / sqrt(2 pi)
};

/// The standard normal distribution. Phi(-|x|) = exp(-x^2/2) R(t) with t = 1 / (1 + 0.28 |x|), the form of Abramowitz
/// and Stegun 7.1.26; R is our own fit of degree 8 (Chebyshev nodes in t, |x| <= 10): off by 2e-7 of R, 1e-9 of Phi.
/// The left tail is not a difference, so it keeps its relative precision.
HWY_INLINE Normal normal(V x) {
  const D d;
  const V half_square = hn::Mul(hn::Mul(x, x), hn::Set(d, -0.5f));
  const V bell = hn::Exp(d, half_square);
  const V t = hn::Div(hn::Set(d, 1.0f), hn::MulAdd(hn::Abs(x), hn::Set(d, 0.28f), hn::Set(d, 1.0f)));
  V r = hn::Set(d, 0.04282348046990029f);
  r = hn::MulAdd(r, t, hn::Set(d, -0.2338519310480749f));
  r = hn::MulAdd(r, t, hn::Set(d, 0.43702797149720324f));
  r = hn::MulAdd(r, t, hn::Set(d, -0.3044255310654244f));
  r = hn::MulAdd(r, t, hn::Set(d, 0.2917434577204894f));
  r = hn::MulAdd(r, t, hn::Set(d, 0.02860712709802729f));
  r = hn::MulAdd(r, t, hn::Set(d, 0.12837570325095815f));
  r = hn::MulAdd(r, t, hn::Set(d, 0.10958290009283217f));
  r = hn::MulAdd(r, t, hn::Set(d, 0.00011682267477745585f));
  const V tail = hn::Mul(bell, r);
  const V cumulative = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), tail, hn::Sub(hn::Set(d, 1.0f), tail));
  return {cumulative, hn::Mul(bell, hn::Set(d, 0.3989422804014327f))};
}

}  // namespace rankine::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
