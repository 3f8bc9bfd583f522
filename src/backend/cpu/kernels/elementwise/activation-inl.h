// The activations and their slopes on vectors, shared by the kernels that fuse them.
#if defined(RANKINE_CPU_KERNELS_ACTIVATION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RANKINE_CPU_KERNELS_ACTIVATION_INL_H_
#undef RANKINE_CPU_KERNELS_ACTIVATION_INL_H_
#else
#define RANKINE_CPU_KERNELS_ACTIVATION_INL_H_
#endif

#include "backend/cpu/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rankine::cpu::HWY_NAMESPACE {

struct Identity {
  static HWY_INLINE V value(V x) { return x; }
  static HWY_INLINE V slope(V) { return hn::Set(D(), 1.0f); }
};

struct Silu {
  static HWY_INLINE V value(V x) { return hn::Mul(x, sigmoid(x)); }
  /// s (1 + x (1 - s))
  static HWY_INLINE V slope(V x) {
    const V one = hn::Set(D(), 1.0f);
    const V s = sigmoid(x);
    return hn::Mul(s, hn::MulAdd(x, hn::Sub(one, s), one));
  }
};

struct QuickGelu {
  static HWY_INLINE V scaled(V x) { return hn::Mul(x, hn::Set(D(), 1.702f)); }
  static HWY_INLINE V value(V x) { return hn::Mul(x, sigmoid(scaled(x))); }
  static HWY_INLINE V slope(V x) {
    const V one = hn::Set(D(), 1.0f);
    const V s = sigmoid(scaled(x));
    return hn::Mul(s, hn::MulAdd(scaled(x), hn::Sub(one, s), one));
  }
};

struct Gelu {
  static HWY_INLINE V value(V x) { return hn::Mul(x, normal(x).cumulative); }
  /// Phi(x) + x phi(x)
  static HWY_INLINE V slope(V x) {
    const Normal n = normal(x);
    return hn::MulAdd(x, n.density, n.cumulative);
  }
};

template <class F>
struct ValueOf {
  HWY_INLINE V operator()(V x) const { return F::value(x); }
};

template <class F>
struct SlopeTimes {
  HWY_INLINE V operator()(V x, V dy) const { return hn::Mul(dy, F::slope(x)); }
};

}  // namespace rankine::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
