// Loads and stores of float16, compiled once for each instruction set. Included after hwy/foreach_target.h, hence the
// toggled guard.
#if defined(RANKINE_CPU_KERNELS_FLOAT16_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RANKINE_CPU_KERNELS_FLOAT16_INL_H_
#undef RANKINE_CPU_KERNELS_FLOAT16_INL_H_
#else
#define RANKINE_CPU_KERNELS_FLOAT16_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"

// The processor's own conversions (F16C). Highway's stand-ins elsewhere are wrong for infinity and NaN.
#undef RANKINE_HAS_F16C
#if (HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL) && !defined(HWY_DISABLE_F16C)
#define RANKINE_HAS_F16C 1
#else
#define RANKINE_HAS_F16C 0
#endif

HWY_BEFORE_NAMESPACE();
namespace rankine::cpu::HWY_NAMESPACE {

/// As many float16 as `d` has lanes, exactly.
template <class Tag>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<Tag> load_f16(Tag d, const uint16_t* x) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::Rebind<uint16_t, Tag> d16;
#if RANKINE_HAS_F16C
  const hn::Rebind<hwy::float16_t, Tag> half;
  return hn::PromoteTo(d, hn::BitCast(half, hn::LoadU(d16, x)));
#else
  // Exponent and mantissa are moved to a float's places, a product corrects the bias (and makes subnormals normal);
  // infinity and NaN keep a full exponent.
  const hn::Rebind<uint32_t, Tag> d32;
  const hn::Rebind<int32_t, Tag> i32;
  const auto bits = hn::PromoteTo(d32, hn::LoadU(d16, x));
  const auto magnitude = hn::And(bits, hn::Set(d32, 0x7fffu));
  const auto sign = hn::ShiftLeft<16>(hn::Xor(bits, magnitude));
  const auto scaled = hn::Mul(hn::BitCast(d, hn::ShiftLeft<13>(magnitude)), hn::Set(d, 0x1p112f));
  const auto is_finite = hn::Lt(hn::BitCast(i32, magnitude), hn::Set(i32, 0x7c00));
  const auto full = hn::Or(hn::BitCast(d32, scaled), hn::Set(d32, 0x7f800000u));
  const auto result = hn::IfThenElse(hn::RebindMask(d32, is_finite), hn::BitCast(d32, scaled), full);
  return hn::BitCast(d, hn::Or(result, sign));
#endif
}

/// Rounds to nearest even, past 65504 to infinity; subnormals are kept and NaN stays NaN (see f16_from_f32).
template <class Tag>
HWY_INLINE void store_f16(Tag d, hwy::HWY_NAMESPACE::Vec<Tag> v, uint16_t* y) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::Rebind<uint16_t, Tag> d16;
#if RANKINE_HAS_F16C
  const hn::Rebind<hwy::float16_t, Tag> half;
  hn::StoreU(hn::BitCast(d16, hn::DemoteTo(half, v)), d16, y);
#else
  const hn::Rebind<uint32_t, Tag> d32;
  const hn::Rebind<int32_t, Tag> i32;
  const auto bits = hn::BitCast(d32, v);
  const auto magnitude = hn::And(bits, hn::Set(d32, 0x7fffffffu));
  const auto sign = hn::ShiftRight<16>(hn::Xor(bits, magnitude));
  const auto below = [&](int32_t limit) {
    return hn::RebindMask(d32, hn::Lt(hn::BitCast(i32, magnitude), hn::Set(i32, limit)));
  };
  // From 2^-14: the exponent's bias changes, and what carries over goes into the exponent, at last to infinity.
  const auto odd = hn::And(hn::ShiftRight<13>(magnitude), hn::Set(d32, 1u));
  const auto normal = hn::ShiftRight<13>(hn::Add(hn::Add(magnitude, odd), hn::Set(d32, 0xfffu - ((127u - 15u) << 23))));
  // Below: 0.5 has the unit in the last place of a float16 subnormal, so that the sum rounds where it should.
  const auto shifted = hn::BitCast(d32, hn::Add(hn::BitCast(d, magnitude), hn::Set(d, 0.5f)));
  const auto subnormal = hn::Sub(shifted, hn::Set(d32, 0x3f000000u));
  // From 65536.
  const auto special = hn::IfThenElse(below(0x7f800001), hn::Set(d32, 0x7c00u), hn::Set(d32, 0x7e00u));
  const auto finite = hn::IfThenElse(below(0x38800000), subnormal, normal);
  const auto result = hn::Or(hn::IfThenElse(below(0x47800000), finite, special), sign);
  hn::StoreU(hn::DemoteTo(d16, hn::BitCast(i32, result)), d16, y);
#endif
}

}  // namespace rankine::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
