#include "backend/cpu/kernels/norm/layer_norm.h"

#include <cmath>

#include "backend/cpu/kernels/parallel.h"
#include "backend/cpu/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/kernels/norm/layer_norm.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h.
#include "backend/cpu/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rankine::cpu::HWY_NAMESPACE {

/// Sum over i of term(i, access), a vector; two running sums hide the latency of the addition.
template <class Term>
HWY_INLINE float sum_of(int64_t n, const Term& term) {
  const D d;
  const int64_t step = lanes();
  V even = hn::Zero(d), odd = hn::Zero(d);
  int64_t i = 0;
  for (; i + 2 * step <= n; i += 2 * step) {
    even = hn::Add(even, term(i, Whole()));
    odd = hn::Add(odd, term(i + step, Whole()));
  }
  if (i + step <= n) {
    even = hn::Add(even, term(i, Whole()));
    i += step;
  }
  if (i < n) odd = hn::Add(odd, hn::IfThenElseZero(hn::FirstN(d, static_cast<size_t>(n - i)), term(i, Rest{n - i})));
  return sum_lanes(d, hn::Add(even, odd));
}

void layer_norm_rows(In x_rows, const float* gain, const float* bias, float eps, Out y_rows, float* means, float* rstds,
                     int64_t rows, int64_t channels) {
  with_storage(x_rows.dtype, y_rows.dtype, [&]<class T, class U>(TypeTag<T>, TypeTag<U>) HWY_ATTR {
    const D d;
    const float inverse = 1.0f / static_cast<float>(channels);
    for (int64_t row = 0; row < rows; ++row) {
      const T* x = x_rows.as<T>() + row * channels;
      U* y = y_rows.as<U>() + row * channels;
      const float mean =
          inverse * sum_of(channels, [&](int64_t c, auto access) HWY_ATTR { return access.load_from(x + c); });
      const V center = hn::Set(d, mean);
      const float variance = inverse * sum_of(channels, [&](int64_t c, auto access) HWY_ATTR {
                               const V distance = hn::Sub(access.load_from(x + c), center);
                               return hn::Mul(distance, distance);
                             });
      const float rstd = 1.0f / std::sqrt(variance + eps);
      const V factor = hn::Set(d, rstd);
      for_vectors(channels, [&](int64_t c, auto access) HWY_ATTR {
        const V xhat = hn::Mul(hn::Sub(access.load_from(x + c), center), factor);
        access.store_to(hn::MulAdd(xhat, access.load_from(gain + c), access.load_from(bias + c)), y + c);
      });
      if (means) means[row] = mean;
      if (rstds) rstds[row] = rstd;
    }
  });
}

// dx = rstd (dy gain - mean(dy gain) - xhat mean(dy gain xhat))
void layer_norm_backward_rows(In x_rows, In dy_rows, const float* gain, const float* means, const float* rstds,
                              Out dx_rows, int64_t rows, int64_t channels) {
  with_storage(x_rows.dtype, dy_rows.dtype, [&]<class T, class U>(TypeTag<T>, TypeTag<U>) HWY_ATTR {
    const D d;
    const float inverse = 1.0f / static_cast<float>(channels);
    for (int64_t row = 0; row < rows; ++row) {
      const T* x = x_rows.as<T>() + row * channels;
      const U* dy = dy_rows.as<U>() + row * channels;
      T* dx = dx_rows.as<T>() + row * channels;
      const V center = hn::Set(d, means[row]);
      const V rstd = hn::Set(d, rstds[row]);
      const auto scaled = [&](int64_t c, auto access)
                              HWY_ATTR { return hn::Mul(access.load_from(dy + c), access.load_from(gain + c)); };
      const auto xhat = [&](int64_t c, auto access)
                            HWY_ATTR { return hn::Mul(hn::Sub(access.load_from(x + c), center), rstd); };
      const V sum = hn::Set(d, inverse * sum_of(channels, scaled));
      const V sum_xhat = hn::Set(d, inverse * sum_of(channels, [&](int64_t c, auto access) HWY_ATTR {
                                      return hn::Mul(scaled(c, access), xhat(c, access));
                                    }));
      for_vectors(channels, [&](int64_t c, auto access) HWY_ATTR {
        const V rest = hn::MulAdd(xhat(c, access), sum_xhat, sum);
        access.store_to(hn::Mul(hn::Sub(scaled(c, access), rest), rstd), dx + c);
      });
    }
  });
}

/// sum[c] and sum_xhat[c]: sums of dy and dy xhat over the rows.
void layer_norm_parameter_sums(In x_rows, In dy_rows, const float* means, const float* rstds, int64_t rows,
                               int64_t channels, float* sum, float* sum_xhat) {
  with_storage(x_rows.dtype, dy_rows.dtype, [&]<class T, class U>(TypeTag<T>, TypeTag<U>) HWY_ATTR {
    const D d;
    for (int64_t c = 0; c < channels; ++c) sum[c] = sum_xhat[c] = 0.0f;
    for (int64_t row = 0; row < rows; ++row) {
      const T* x = x_rows.as<T>() + row * channels;
      const U* dy = dy_rows.as<U>() + row * channels;
      const V center = hn::Set(d, means[row]);
      const V rstd = hn::Set(d, rstds[row]);
      for_vectors(channels, [&](int64_t c, auto access) HWY_ATTR {
        const V g = access.load_from(dy + c);
        const V xhat = hn::Mul(hn::Sub(access.load_from(x + c), center), rstd);
        access.store_to(hn::Add(access.load_from(sum + c), g), sum + c);
        access.store_to(hn::MulAdd(g, xhat, access.load_from(sum_xhat + c)), sum_xhat + c);
      });
    }
  });
}

}  // namespace rankine::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rankine::cpu {

HWY_EXPORT(layer_norm_rows);
HWY_EXPORT(layer_norm_backward_rows);
HWY_EXPORT(layer_norm_parameter_sums);

namespace {

Cut cut_for_sums(int64_t rows, int64_t channels) { return cut_rows(rows, channels, 2 * elements_per_task); }

}  // namespace

void layer_norm(In x, const float* gain, const float* bias, float eps, Out y, float* mean, float* rstd, int64_t rows,
                int64_t channels) {
  check_storage("layer_norm", x.dtype);
  check_storage("layer_norm", y.dtype);
  const Cut cut = cut_rows(rows, channels, elements_per_task);
  parallel_tasks(cut.count(), rows * channels, [&](int64_t i) {
    const int64_t first = cut.begin(i);
    HWY_DYNAMIC_DISPATCH(layer_norm_rows)
    (x.at(first * channels), gain, bias, eps, y.at(first * channels), mean ? mean + first : nullptr,
     rstd ? rstd + first : nullptr, cut.end(i) - first, channels);
  });
}

void layer_norm_backward(In x, In dy, const float* gain, const float* mean, const float* rstd, Out dx, int64_t rows,
                         int64_t channels) {
  check_storage("layer_norm_backward", x.dtype);
  check_storage("layer_norm_backward", dy.dtype);
  check_same_dtype("layer_norm_backward", x.dtype, dx.dtype);
  const Cut cut = cut_rows(rows, channels, elements_per_task);
  parallel_tasks(cut.count(), rows * channels, [&](int64_t i) {
    const int64_t first = cut.begin(i);
    HWY_DYNAMIC_DISPATCH(layer_norm_backward_rows)
    (x.at(first * channels), dy.at(first * channels), gain, mean + first, rstd + first, dx.at(first * channels),
     cut.end(i) - first, channels);
  });
}

size_t layer_norm_scratch_bytes(int64_t rows, int64_t channels) {
  return static_cast<size_t>(cut_for_sums(rows, channels).count() * 2 * channels) * sizeof(float);
}

void layer_norm_backward_parameters(In x, In dy, const float* mean, const float* rstd, float* dgain, float* dbias,
                                    int64_t rows, int64_t channels, void* scratch) {
  check_storage("layer_norm_backward_parameters", x.dtype);
  check_storage("layer_norm_backward_parameters", dy.dtype);
  const Cut cut = cut_for_sums(rows, channels);
  float* sums = static_cast<float*>(scratch);  // [piece][2][channels]
  parallel_tasks(cut.count(), rows * channels, [&](int64_t i) {
    const int64_t first = cut.begin(i);
    float* sum = sums + i * 2 * channels;
    HWY_DYNAMIC_DISPATCH(layer_norm_parameter_sums)
    (x.at(first * channels), dy.at(first * channels), mean + first, rstd + first, cut.end(i) - first, channels, sum,
     sum + channels);
  });
  for (int64_t c = 0; c < channels; ++c) {
    double total = 0, total_xhat = 0;
    for (int64_t i = 0; i < cut.count(); ++i) {
      total += sums[i * 2 * channels + c];
      total_xhat += sums[(i * 2 + 1) * channels + c];
    }
    dbias[c] = static_cast<float>(total);
    dgain[c] = static_cast<float>(total_xhat);
  }
}

}  // namespace rankine::cpu
#endif
