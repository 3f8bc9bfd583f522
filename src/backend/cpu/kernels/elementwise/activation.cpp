#include "backend/cpu/kernels/elementwise/activation.h"

#include "backend/cpu/kernels/parallel.h"
#include "backend/cpu/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/kernels/elementwise/activation.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h.
#include "backend/cpu/kernels/elementwise/activation-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rankine::cpu::HWY_NAMESPACE {

template <class F>
void forward_range(In x, Out y, int64_t n) {
  with_storage(x.dtype, y.dtype,
               [&]<class T, class U>(TypeTag<T>, TypeTag<U>) HWY_ATTR { map(x.as<T>(), y.as<U>(), n, ValueOf<F>()); });
}

template <class F>
void backward_range(In x, In dy, Out dx, int64_t n) {
  with_storage(x.dtype, dy.dtype, [&]<class T, class U>(TypeTag<T>, TypeTag<U>) HWY_ATTR {
    map(x.as<T>(), dy.as<U>(), dx.as<T>(), n, SlopeTimes<F>());
  });
}

void activation_range(Activation f, In x, Out y, int64_t n) {
  switch (f) {
    case Activation::silu:
      return forward_range<Silu>(x, y, n);
    case Activation::gelu:
      return forward_range<Gelu>(x, y, n);
    case Activation::quick_gelu:
      return forward_range<QuickGelu>(x, y, n);
  }
}

void activation_backward_range(Activation f, In x, In dy, Out dx, int64_t n) {
  switch (f) {
    case Activation::silu:
      return backward_range<Silu>(x, dy, dx, n);
    case Activation::gelu:
      return backward_range<Gelu>(x, dy, dx, n);
    case Activation::quick_gelu:
      return backward_range<QuickGelu>(x, dy, dx, n);
  }
}

}  // namespace rankine::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rankine::cpu {

HWY_EXPORT(activation_range);
HWY_EXPORT(activation_backward_range);

void activation(Activation f, In x, Out y, int64_t n) {
  check_storage("activation", x.dtype);
  check_storage("activation", y.dtype);
  parallel_elements(n, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(activation_range)(f, x.at(begin), y.at(begin), end - begin);
  });
}

void activation_backward(Activation f, In x, In dy, Out dx, int64_t n) {
  check_storage("activation_backward", x.dtype);
  check_storage("activation_backward", dy.dtype);
  check_same_dtype("activation_backward", x.dtype, dx.dtype);
  parallel_elements(n, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(activation_backward_range)(f, x.at(begin), dy.at(begin), dx.at(begin), end - begin);
  });
}

}  // namespace rankine::cpu
#endif
