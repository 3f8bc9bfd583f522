#include "backend/cpu/kernels/elementwise/geglu.h"

#include "backend/cpu/kernels/parallel.h"
#include "backend/cpu/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/kernels/elementwise/geglu.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h.
#include "backend/cpu/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rankine::cpu::HWY_NAMESPACE {

struct GatedGelu {
  HWY_INLINE V operator()(V a, V b) const { return hn::Mul(a, hn::Mul(b, normal(b).cumulative)); }
};

void geglu_rows(In x, Out y, int64_t rows, int64_t width) {
  with_storage(x.dtype, y.dtype, [&]<class T, class U>(TypeTag<T>, TypeTag<U>) HWY_ATTR {
    for (int64_t row = 0; row < rows; ++row) {
      const T* a = x.as<T>() + 2 * row * width;
      map(a, a + width, y.as<U>() + row * width, width, GatedGelu());
    }
  });
}

struct GateGradient {
  V da, db;
};

HWY_INLINE GateGradient gate_gradient(V a, V b, V dy) {
  const Normal n = normal(b);
  return {hn::Mul(dy, hn::Mul(b, n.cumulative)), hn::Mul(hn::Mul(dy, a), hn::MulAdd(b, n.density, n.cumulative))};
}

void geglu_backward_rows(In x, In dy, Out dx, int64_t rows, int64_t width) {
  with_storage(x.dtype, dy.dtype, [&]<class T, class U>(TypeTag<T>, TypeTag<U>) HWY_ATTR {
    const D d;
    const int64_t step = lanes();
    for (int64_t row = 0; row < rows; ++row) {
      const T* a = x.as<T>() + 2 * row * width;
      const U* g = dy.as<U>() + row * width;
      T* da = dx.as<T>() + 2 * row * width;
      int64_t i = 0;
      for (; i + step <= width; i += step) {
        const GateGradient out = gate_gradient(load(d, a + i), load(d, a + width + i), load(d, g + i));
        store(d, out.da, da + i);
        store(d, out.db, da + width + i);
      }
      if (const int64_t left = width - i; left > 0) {
        const GateGradient out =
            gate_gradient(load_part(d, a + i, left), load_part(d, a + width + i, left), load_part(d, g + i, left));
        store_part(d, out.da, da + i, left);
        store_part(d, out.db, da + width + i, left);
      }
    }
  });
}

}  // namespace rankine::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rankine::cpu {

HWY_EXPORT(geglu_rows);
HWY_EXPORT(geglu_backward_rows);

void geglu(In x, Out y, int64_t rows, int64_t width) {
  check_storage("geglu", x.dtype);
  check_storage("geglu", y.dtype);
  const Cut cut = cut_rows(rows, width, elements_per_task);
  parallel_tasks(cut.count(), rows * width, [&](int64_t i) {
    const int64_t first = cut.begin(i);
    HWY_DYNAMIC_DISPATCH(geglu_rows)(x.at(2 * first * width), y.at(first * width), cut.end(i) - first, width);
  });
}

void geglu_backward(In x, In dy, Out dx, int64_t rows, int64_t width) {
  check_storage("geglu_backward", x.dtype);
  check_storage("geglu_backward", dy.dtype);
  check_same_dtype("geglu_backward", x.dtype, dx.dtype);
  const Cut cut = cut_rows(rows, width, elements_per_task);
  parallel_tasks(cut.count(), rows * width, [&](int64_t i) {
    const int64_t first = cut.begin(i);
    HWY_DYNAMIC_DISPATCH(geglu_backward_rows)
    (x.at(2 * first * width), dy.at(first * width), dx.at(2 * first * width), cut.end(i) - first, width);
  });
}

}  // namespace rankine::cpu
#endif
