#include "backend/cpu/kernels/shape/taps.h"

#include <vector>

#include "backend/cpu/kernels/elementwise/elementwise.h"
#include "backend/cpu/kernels/parallel.h"
#include "backend/cpu/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/kernels/shape/taps.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h.
#include "backend/cpu/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rankine::cpu::HWY_NAMESPACE {

/// x: [count, 3] -> the columns y[0], y[1] and y[2].
template <class T>
HWY_INLINE void split_in_three(const T* HWY_RESTRICT x, int64_t count, T* const (&y)[3]) {
  const hn::ScalableTag<T> d;
  const auto step = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + step <= count; i += step) {
    hn::Vec<decltype(d)> first, second, third;
    hn::LoadInterleaved3(d, x + 3 * i, first, second, third);
    hn::StoreU(first, d, y[0] + i);
    hn::StoreU(second, d, y[1] + i);
    hn::StoreU(third, d, y[2] + i);
  }
  for (; i < count; ++i)
    for (int64_t k = 0; k < 3; ++k) y[k][i] = x[3 * i + k];
}

/// x: [count, taps] -> tap t at y + t * stride. `spare`: count * taps elements.
template <class T>
void split_part(const T* x, int64_t count, int64_t taps, T* y, int64_t stride, T* spare) {
  if (taps != 9) {
    for (int64_t t = 0; t < taps; ++t)
      for (int64_t i = 0; i < count; ++i) y[t * stride + i] = x[i * taps + t];
    return;
  }
  // Every third element, and again: each of the first three columns holds the taps of one column of the 3 x 3.
  T* const columns[3] = {spare, spare + 3 * count, spare + 6 * count};
  split_in_three(x, 3 * count, columns);
  for (int64_t k = 0; k < 3; ++k) {
    T* const taps_of_column[3] = {y + k * stride, y + (k + 3) * stride, y + (k + 6) * stride};
    split_in_three(columns[k], count, taps_of_column);
  }
}

void split_range(const void* x, int64_t count, int64_t taps, void* y, int64_t stride, void* spare, bool half) {
  if (half) {
    split_part(static_cast<const uint16_t*>(x), count, taps, static_cast<uint16_t*>(y), stride,
               static_cast<uint16_t*>(spare));
  } else {
    split_part(static_cast<const uint32_t*>(x), count, taps, static_cast<uint32_t*>(y), stride,
               static_cast<uint32_t*>(spare));
  }
}

}  // namespace rankine::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rankine::cpu {

HWY_EXPORT(split_range);

void split_taps(In x, Out y, int64_t matrices, int64_t taps) {
  check_storage("split_taps", x.dtype);
  check_storage("split_taps", y.dtype);
  constexpr int64_t kElements = 4608;  // two buffers of f32 stay in the first cache
  const Cut cut = cut_rows(matrices, taps, kElements);
  parallel_tasks(cut.count(), matrices * taps, [&](int64_t i) {
    alignas(64) float converted[kElements], spare[kElements];
    const int64_t count = cut.end(i) - cut.begin(i);
    const In from = x.at(cut.begin(i) * taps);
    const bool fits = count * taps <= kElements;  // more than so many taps are none of a model's
    std::vector<float> larger(fits ? 0 : static_cast<size_t>(2 * count * taps));
    const Out part{fits ? converted : larger.data(), y.dtype};
    if (x.dtype != y.dtype) cast_in_thread(from, part, count * taps);
    HWY_DYNAMIC_DISPATCH(split_range)
    (x.dtype == y.dtype ? from.data : part.data, count, taps, y.at(cut.begin(i)).data, matrices,
     fits ? spare : larger.data() + count * taps, is_half(y.dtype));
  });
}

}  // namespace rankine::cpu
#endif
