// The loops of group_norm.cpp over one piece of one sample, for each instruction set.
#include "backend/cpu/kernels/norm/group_norm_rows.h"

#include "backend/cpu/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/kernels/norm/group_norm_rows.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h.
#include "backend/cpu/kernels/elementwise/activation-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rankine::cpu::HWY_NAMESPACE {

/// total[c] += op over P pixels side by side: the running sums then go through memory once for P pixels.
template <int P, class T>
HWY_INLINE void add_pixels(const T* x, int64_t stride, int64_t channels, float* total) {
  for_vectors(channels, [&](int64_t c, auto access) HWY_ATTR {
    V sum = access.load_from(x + c);
    if constexpr (P == 4) {
      const V next = hn::Add(access.load_from(x + 2 * stride + c), access.load_from(x + 3 * stride + c));
      sum = hn::Add(hn::Add(sum, access.load_from(x + stride + c)), next);
    }
    access.store_to(hn::Add(access.load_from(total + c), sum), total + c);
  });
}

template <int P, class T>
HWY_INLINE void add_squares(const T* x, int64_t stride, int64_t channels, float inverse_pixels, const float* sum,
                            float* squares) {
  for_vectors(channels, [&](int64_t c, auto access) HWY_ATTR {
    const D d;
    const V mean = hn::Mul(access.load_from(sum + c), hn::Set(d, inverse_pixels));
    V total = access.load_from(squares + c);
    V part = hn::Zero(d);
    for (int p = 0; p < P; ++p) {
      const V distance = hn::Sub(access.load_from(x + p * stride + c), mean);
      part = hn::MulAdd(distance, distance, part);
    }
    access.store_to(hn::Add(total, part), squares + c);
  });
}

void statistics_rows(InRows x, int64_t pixels, int64_t channels, float* sum, float* squares) {
  with_storage(x.data.dtype, [&]<class T>(TypeTag<T>) HWY_ATTR {
    for (int64_t c = 0; c < channels; ++c) sum[c] = squares[c] = 0.0f;
    const T* data = x.data.as<T>();
    int64_t p = 0;
    for (; p + 4 <= pixels; p += 4) add_pixels<4>(data + p * x.stride, x.stride, channels, sum);
    for (; p < pixels; ++p) add_pixels<1>(data + p * x.stride, x.stride, channels, sum);
    const float inverse = 1.0f / static_cast<float>(pixels);
    for (p = 0; p + 4 <= pixels; p += 4) {
      add_squares<4>(data + p * x.stride, x.stride, channels, inverse, sum, squares);
    }
    for (; p < pixels; ++p) add_squares<1>(data + p * x.stride, x.stride, channels, inverse, sum, squares);
  });
}

template <class F, class T, class U>
void normalise_rows(const T* x, int64_t x_stride, U* y, int64_t y_stride, int64_t pixels, int64_t channels,
                    const NormChannels& norm) {
  for (int64_t p = 0; p < pixels; ++p) {
    for_vectors(channels, [&](int64_t c, auto access) HWY_ATTR {
      const V xhat = hn::Mul(hn::Sub(access.load_from(x + p * x_stride + c), access.load_from(norm.mean + c)),
                             access.load_from(norm.rstd + c));
      const V z = hn::MulAdd(xhat, access.load_from(norm.gain + c), access.load_from(norm.bias + c));
      access.store_to(F::value(z), y + p * y_stride + c);
    });
  }
}

void forward_rows(InRows x, OutRows y, int64_t pixels, int64_t channels, const NormChannels& norm, bool silu) {
  with_storage(x.data.dtype, y.data.dtype, [&]<class T, class U>(TypeTag<T>, TypeTag<U>) HWY_ATTR {
    const auto run = silu ? normalise_rows<Silu, T, U> : normalise_rows<Identity, T, U>;
    run(x.data.as<T>(), x.stride, y.data.as<U>(), y.stride, pixels, channels, norm);
  });
}

struct NormGradient {
  V xhat;
  V dz;  ///< gradient of the value before the activation
};

template <class F, class T, class U, class Access>
HWY_INLINE NormGradient gradient_before(const T* x, const U* dy, int64_t c, const NormChannels& norm, Access access) {
  const V xhat =
      hn::Mul(hn::Sub(access.load_from(x + c), access.load_from(norm.mean + c)), access.load_from(norm.rstd + c));
  const V g = access.load_from(dy + c);
  if constexpr (std::is_same_v<F, Identity>) {
    return {xhat, g};
  } else {
    const V z = hn::MulAdd(xhat, access.load_from(norm.gain + c), access.load_from(norm.bias + c));
    return {xhat, hn::Mul(g, F::slope(z))};
  }
}

template <class F, int P, class T, class U>
HWY_INLINE void add_gradient_sums(const T* x, int64_t x_stride, const U* dy, int64_t dy_stride, int64_t channels,
                                  const NormChannels& norm, float* sum, float* sum_xhat) {
  for_vectors(channels, [&](int64_t c, auto access) HWY_ATTR {
    const D d;
    V part = hn::Zero(d), part_xhat = hn::Zero(d);
    for (int p = 0; p < P; ++p) {
      const NormGradient g = gradient_before<F>(x + p * x_stride, dy + p * dy_stride, c, norm, access);
      part = hn::Add(part, g.dz);
      part_xhat = hn::MulAdd(g.dz, g.xhat, part_xhat);
    }
    access.store_to(hn::Add(access.load_from(sum + c), part), sum + c);
    access.store_to(hn::Add(access.load_from(sum_xhat + c), part_xhat), sum_xhat + c);
  });
}

template <class F, class T, class U>
void gradient_sums(const T* x, int64_t x_stride, const U* dy, int64_t dy_stride, int64_t pixels, int64_t channels,
                   const NormChannels& norm, float* sum, float* sum_xhat) {
  for (int64_t c = 0; c < channels; ++c) sum[c] = sum_xhat[c] = 0.0f;
  int64_t p = 0;
  for (; p + 4 <= pixels; p += 4) {
    add_gradient_sums<F, 4>(x + p * x_stride, x_stride, dy + p * dy_stride, dy_stride, channels, norm, sum, sum_xhat);
  }
  for (; p < pixels; ++p) {
    add_gradient_sums<F, 1>(x + p * x_stride, x_stride, dy + p * dy_stride, dy_stride, channels, norm, sum, sum_xhat);
  }
}

void gradient_sums_rows(InRows x, InRows dy, int64_t pixels, int64_t channels, const NormChannels& norm, bool silu,
                        float* sum, float* sum_xhat) {
  with_storage(x.data.dtype, dy.data.dtype, [&]<class T, class U>(TypeTag<T>, TypeTag<U>) HWY_ATTR {
    const auto run = silu ? gradient_sums<Silu, T, U> : gradient_sums<Identity, T, U>;
    run(x.data.as<T>(), x.stride, dy.data.as<U>(), dy.stride, pixels, channels, norm, sum, sum_xhat);
  });
}

template <class F, class T, class U>
void gradient(const T* x, int64_t x_stride, const U* dy, int64_t dy_stride, T* dx, int64_t dx_stride, int64_t pixels,
              int64_t channels, const NormChannels& norm, const float* mean_part, const float* slope_part) {
  for (int64_t p = 0; p < pixels; ++p) {
    for_vectors(channels, [&](int64_t c, auto access) HWY_ATTR {
      const NormGradient g = gradient_before<F>(x + p * x_stride, dy + p * dy_stride, c, norm, access);
      const V factor = hn::Mul(access.load_from(norm.rstd + c), access.load_from(norm.gain + c));
      const V projected = hn::MulAdd(g.xhat, access.load_from(slope_part + c), access.load_from(mean_part + c));
      access.store_to(hn::MulSub(g.dz, factor, projected), dx + p * dx_stride + c);
    });
  }
}

void gradient_rows(InRows x, InRows dy, OutRows dx, int64_t pixels, int64_t channels, const NormChannels& norm,
                   const float* mean_part, const float* slope_part, bool silu) {
  with_storage(x.data.dtype, dy.data.dtype, [&]<class T, class U>(TypeTag<T>, TypeTag<U>) HWY_ATTR {
    const auto run = silu ? gradient<Silu, T, U> : gradient<Identity, T, U>;
    run(x.data.as<T>(), x.stride, dy.data.as<U>(), dy.stride, dx.data.as<T>(), dx.stride, pixels, channels, norm,
        mean_part, slope_part);
  });
}

}  // namespace rankine::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rankine::cpu {

HWY_EXPORT(statistics_rows);
HWY_EXPORT(forward_rows);
HWY_EXPORT(gradient_sums_rows);
HWY_EXPORT(gradient_rows);

void group_norm_statistics_rows(InRows x, int64_t pixels, int64_t channels, float* sum, float* squares) {
  HWY_DYNAMIC_DISPATCH(statistics_rows)(x, pixels, channels, sum, squares);
}

void group_norm_rows(InRows x, OutRows y, int64_t pixels, int64_t channels, const NormChannels& norm, bool silu) {
  HWY_DYNAMIC_DISPATCH(forward_rows)(x, y, pixels, channels, norm, silu);
}

void group_norm_gradient_sums_rows(InRows x, InRows dy, int64_t pixels, int64_t channels, const NormChannels& norm,
                                   bool silu, float* sum, float* sum_xhat) {
  HWY_DYNAMIC_DISPATCH(gradient_sums_rows)(x, dy, pixels, channels, norm, silu, sum, sum_xhat);
}

void group_norm_gradient_rows(InRows x, InRows dy, OutRows dx, int64_t pixels, int64_t channels,
                              const NormChannels& norm, const float* mean_part, const float* slope_part, bool silu) {
  HWY_DYNAMIC_DISPATCH(gradient_rows)(x, dy, dx, pixels, channels, norm, mean_part, slope_part, silu);
}

}  // namespace rankine::cpu
#endif
