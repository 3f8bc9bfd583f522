#include "backend/cpu/kernels/update/adamw.h"

#include <cmath>

#include "backend/cpu/kernels/parallel.h"
#include "backend/cpu/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/kernels/update/adamw.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h.
#include "backend/cpu/kernels/vector-inl.h"

#ifndef RANKINE_CPU_KERNELS_ADAMW_FACTORS
#define RANKINE_CPU_KERNELS_ADAMW_FACTORS
namespace rankine::cpu {
/// The step's factors, computed in double and rounded once, as torch does.
struct AdamWFactors {
  float decay, gradient_scale, first, beta2, second, root, eps, step_size;
};
}  // namespace rankine::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace rankine::cpu::HWY_NAMESPACE {

struct AdamWState {
  V p, m, v;
};

// torch's order of rounding: p *= 1 - lr wd; m.lerp(g, 1 - beta1); v = v beta2 + (1 - beta2) g g; p -= lr/bc1 m /
// denom.
HWY_INLINE AdamWState advance(const AdamWFactors& f, AdamWState s, V g) {
  const D d;
  g = hn::Mul(g, hn::Set(d, f.gradient_scale));
  const V m = hn::MulAdd(hn::Set(d, f.first), hn::Sub(g, s.m), s.m);
  const V v = hn::Add(hn::Mul(s.v, hn::Set(d, f.beta2)), hn::Mul(hn::Mul(hn::Set(d, f.second), g), g));
  const V denominator = hn::Add(hn::Div(hn::Sqrt(v), hn::Set(d, f.root)), hn::Set(d, f.eps));
  const V p = hn::Mul(s.p, hn::Set(d, f.decay));
  return {hn::Sub(p, hn::Div(hn::Mul(hn::Set(d, f.step_size), m), denominator)), m, v};
}

// bitsandbytes' order of rounding: the decay comes last, corrections are in least and amount.
HWY_INLINE AdamWState advance(const QuantizedAdamW& f, AdamWState s, V g) {
  const D d;
  g = hn::Mul(g, hn::Set(d, f.gradient_scale));
  const V m = hn::Add(hn::Mul(s.m, hn::Set(d, f.keep1)), hn::Mul(g, hn::Set(d, f.new1)));
  const V v = hn::Add(hn::Mul(s.v, hn::Set(d, f.keep2)), hn::Mul(hn::Mul(g, g), hn::Set(d, f.new2)));
  const V update = hn::Div(m, hn::Add(hn::Sqrt(v), hn::Set(d, f.least)));
  return {hn::Mul(hn::Sub(s.p, hn::Mul(hn::Set(d, f.amount), update)), hn::Set(d, f.decay)), m, v};
}

template <class Factors>
HWY_INLINE void advance_range(const Factors& f, float* p, float* m, float* v, const float* g, int64_t n) {
  const D d;
  const int64_t step = lanes();
  int64_t i = 0;
  for (; i + step <= n; i += step) {
    const AdamWState s = advance(f, {load(d, p + i), load(d, m + i), load(d, v + i)}, load(d, g + i));
    store(d, s.p, p + i);
    store(d, s.m, m + i);
    store(d, s.v, v + i);
  }
  if (const int64_t left = n - i; left > 0) {
    const AdamWState s = advance(f, {load_part(d, p + i, left), load_part(d, m + i, left), load_part(d, v + i, left)},
                                 load_part(d, g + i, left));
    store_part(d, s.p, p + i, left);
    store_part(d, s.m, m + i, left);
    store_part(d, s.v, v + i, left);
  }
}

void adamw_range(const AdamWFactors& f, float* p, float* m, float* v, const float* g, int64_t n) {
  advance_range(f, p, m, v, g, n);
}
void quantized_adamw_range(const QuantizedAdamW& f, float* p, float* m, float* v, const float* g, int64_t n) {
  advance_range(f, p, m, v, g, n);
}

}  // namespace rankine::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rankine::cpu {

HWY_EXPORT(adamw_range);
HWY_EXPORT(quantized_adamw_range);

void adamw_update(const AdamWStep& step, float* parameters, float* exp_avg, float* exp_avg_sq, const float* gradient,
                  int64_t n) {
  const double correction1 = 1.0 - std::pow(step.beta1, static_cast<double>(step.step));
  const double correction2 = 1.0 - std::pow(step.beta2, static_cast<double>(step.step));
  const AdamWFactors factors{
      .decay = static_cast<float>(1.0 - step.lr * step.weight_decay),
      .gradient_scale = static_cast<float>(step.gradient_scale),
      .first = static_cast<float>(1.0 - step.beta1),
      .beta2 = static_cast<float>(step.beta2),
      .second = static_cast<float>(1.0 - step.beta2),
      .root = static_cast<float>(std::sqrt(correction2)),
      .eps = static_cast<float>(step.eps),
      .step_size = static_cast<float>(step.lr / correction1),
  };
  parallel_elements(n, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(adamw_range)
    (factors, parameters + begin, exp_avg + begin, exp_avg_sq + begin, gradient + begin, end - begin);
  });
}

void quantized_adamw(const QuantizedAdamW& factors, float* parameters, float* exp_avg, float* exp_avg_sq,
                     const float* gradient, int64_t n) {
  HWY_DYNAMIC_DISPATCH(quantized_adamw_range)(factors, parameters, exp_avg, exp_avg_sq, gradient, n);
}

}  // namespace rankine::cpu
#endif
