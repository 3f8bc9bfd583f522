#include "backend/cpu/kernels/update/quantized.h"

#include "backend/cpu/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/kernels/update/quantized.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h.
#include "backend/cpu/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rankine::cpu::HWY_NAMESPACE {

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

HWY_EXPORT(normalise_block);

float divide_by_largest(float* values, int64_t n) { return HWY_DYNAMIC_DISPATCH(normalise_block)(values, n); }

}  // namespace rankine::cpu
#endif
