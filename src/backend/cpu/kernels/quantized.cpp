#include "backend/cpu/kernels/quantized.h"

#include <cmath>

#include "backend/cpu/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/kernels/quantized.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h.
#include "backend/cpu/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rankine::cpu::HWY_NAMESPACE {

struct QuantizedState {
  V w, m, v;
};

HWY_INLINE QuantizedState advance(const QuantizedAdamW& f, QuantizedState s, V g) {
  const D d;
  g = hn::Mul(g, hn::Set(d, f.gradient_scale));
  const V m = hn::Add(hn::Mul(s.m, hn::Set(d, f.keep1)), hn::Mul(g, hn::Set(d, f.new1)));
  const V v = hn::Add(hn::Mul(s.v, hn::Set(d, f.keep2)), hn::Mul(hn::Mul(g, g), hn::Set(d, f.new2)));
  const V update = hn::Div(m, hn::Add(hn::Sqrt(v), hn::Set(d, f.least)));
  return {hn::Mul(hn::Sub(s.w, hn::Mul(hn::Set(d, f.amount), update)), hn::Set(d, f.decay)), m, v};
}

void adamw_block(const QuantizedAdamW& f, float* w, float* m, float* v, const float* g, int64_t n) {
  const D d;
  const int64_t step = lanes();
  int64_t i = 0;
  for (; i + step <= n; i += step) {
    const QuantizedState s = advance(f, {load(d, w + i), load(d, m + i), load(d, v + i)}, load(d, g + i));
    store(d, s.w, w + i);
    store(d, s.m, m + i);
    store(d, s.v, v + i);
  }
  if (const int64_t left = n - i; left > 0) {
    const QuantizedState s =
        advance(f, {load_part(d, w + i, left), load_part(d, m + i, left), load_part(d, v + i, left)},
                load_part(d, g + i, left));
    store_part(d, s.w, w + i, left);
    store_part(d, s.m, m + i, left);
    store_part(d, s.v, v + i, left);
  }
}

float normalise_block(float* values, int64_t n) {
  const D d;
  const int64_t step = lanes();
  V most = hn::Zero(d);
  int64_t i = 0;
  for (; i + step <= n; i += step) most = hn::Max(hn::Abs(load(d, values + i)), most);
  if (i < n) most = hn::Max(hn::Abs(load_part(d, values + i, n - i)), most);
  const float largest = hn::GetLane(hn::MaxOfLanes(d, most));
  if (!(largest > 0)) return 0;
  const V divisor = hn::Set(d, largest);
  for (i = 0; i + step <= n; i += step) store(d, hn::Div(load(d, values + i), divisor), values + i);
  if (i < n) store_part(d, hn::Div(load_part(d, values + i, n - i), divisor), values + i, n - i);
  return largest;
}

}  // namespace rankine::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rankine::cpu {

HWY_EXPORT(adamw_block);
HWY_EXPORT(normalise_block);

void quantized_adamw(const QuantizedAdamW& factors, float* w, float* m, float* v, const float* g, int64_t n) {
  HWY_DYNAMIC_DISPATCH(adamw_block)(factors, w, m, v, g, n);
}

float divide_by_largest(float* values, int64_t n) { return HWY_DYNAMIC_DISPATCH(normalise_block)(values, n); }

}  // namespace rankine::cpu
#endif
