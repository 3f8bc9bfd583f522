#include "backend/cpu/kernels/shape/upsample.h"

#include <cmath>
#include <cstring>

#include "backend/cpu/kernels/parallel.h"
#include "backend/cpu/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/kernels/shape/upsample.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h.
#include "backend/cpu/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rankine::cpu::HWY_NAMESPACE {

/// y[c] = sum over a rectangle of pixels of x.
void sum_rectangle(In x_first, int64_t rows, int64_t columns, int64_t row_stride, Out y_pixel, int64_t channels) {
  with_storage(x_first.dtype, y_pixel.dtype, [&]<class T, class U>(TypeTag<T>, TypeTag<U>) HWY_ATTR {
    const T* x = x_first.as<T>();
    U* y = y_pixel.as<U>();
    for_vectors(channels, [&](int64_t c, auto access) HWY_ATTR {
      V sum = hn::Zero(D());
      for (int64_t row = 0; row < rows; ++row) {
        for (int64_t column = 0; column < columns; ++column) {
          sum = hn::Add(sum, access.load_from(x + row * row_stride + column * channels + c));
        }
      }
      access.store_to(sum, y + c);
    });
  });
}

}  // namespace rankine::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rankine::cpu {

HWY_EXPORT(sum_rectangle);

int64_t nearest_source(int64_t o, int64_t in, int64_t out) {
  if (in == out) return o;
  if (out == 2 * in) return o / 2;
  const float scale = static_cast<float>(in) / static_cast<float>(out);
  return std::min(in - 1, static_cast<int64_t>(std::floor(static_cast<float>(o) * scale)));
}

namespace {

/// The first output that comes from source `i` or a later one.
int64_t first_output(int64_t i, int64_t in, int64_t out) {
  int64_t o = std::min(out, (i * out + in - 1) / in);
  while (o > 0 && nearest_source(o - 1, in, out) >= i) --o;
  while (o < out && nearest_source(o, in, out) < i) ++o;
  return o;
}

}  // namespace

void upsample_nearest(In x, Out y, const UpsampleShape& s) {
  check_storage("upsample_nearest", x.dtype);
  check_same_dtype("upsample_nearest", x.dtype, y.dtype);
  const size_t pixel_bytes = static_cast<size_t>(s.channels) * size_of(x.dtype);
  const int64_t rows = s.samples * s.height_out;
  parallel_tasks(rows, rows * s.width_out * s.channels, [&](int64_t row) {
    const int64_t h = nearest_source(row % s.height_out, s.height_in, s.height_out);
    const In from = x.at((row / s.height_out * s.height_in + h) * s.width_in * s.channels);
    char* to = y.at(row * s.width_out * s.channels).as<char>();
    for (int64_t w = 0; w < s.width_out; ++w, to += pixel_bytes) {
      std::memcpy(to, from.at(nearest_source(w, s.width_in, s.width_out) * s.channels).data, pixel_bytes);
    }
  });
}

void upsample_nearest_backward(In dy, Out dx, const UpsampleShape& s) {
  check_storage("upsample_nearest_backward", dy.dtype);
  check_storage("upsample_nearest_backward", dx.dtype);
  const int64_t rows = s.samples * s.height_in;
  const int64_t row_stride = s.width_out * s.channels;
  parallel_tasks(rows, s.samples * s.height_out * row_stride, [&](int64_t row) {
    const int64_t h = row % s.height_in;
    const int64_t top = first_output(h, s.height_in, s.height_out);
    const int64_t bottom = first_output(h + 1, s.height_in, s.height_out);
    const In from = dy.at((row / s.height_in * s.height_out + top) * row_stride);
    int64_t left = 0;
    for (int64_t w = 0; w < s.width_in; ++w) {
      const int64_t right = first_output(w + 1, s.width_in, s.width_out);
      HWY_DYNAMIC_DISPATCH(sum_rectangle)
      (from.at(left * s.channels), bottom - top, right - left, row_stride, dx.at((row * s.width_in + w) * s.channels),
       s.channels);
      left = right;
    }
  });
}

}  // namespace rankine::cpu
#endif
