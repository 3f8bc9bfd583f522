// The transform of frozen kernels, done once:  U = G g G^T,  G = 1    0    0
//                                                                .5   .5  .5
//                                                                .5  -.5  .5
//                                                                0    0    1
#include <array>

#include "backend/cpu/dnnl_compat.h"
#include "backend/cpu/kernels/winograd/winograd.h"
#include "backend/cpu/kernels/winograd/winograd_products.h"
#include "base/half.h"

namespace rankine::cpu {
namespace {

using Tag = dnnl::memory::format_tag;

/// Row i of G times (a, b, c).
inline float transformed(int64_t i, float a, float b, float c) {
  switch (i) {
    case 0:
      return a;
    case 1:
      return 0.5f * (a + b + c);
    case 2:
      return 0.5f * (a - b + c);
    default:
      return c;
  }
}

inline void put(float value, float& to) { to = value; }
inline void put(float value, uint16_t& to) { to = bf16_from_f32(value); }

/// u[j][n] = U(i, j) of the n-th kernel, in w's order, j = 0..3.
template <class T>
void transform_row(int64_t i, std::span<const float> w, bool flipped, const std::array<T*, 4>& u) {
  const int64_t count = static_cast<int64_t>(w.size()) / 9;
  // Reversed taps swap the first and last row of G g, and of its columns.
  const int64_t row = flipped && i % 3 == 0 ? 3 - i : i;
  T *first = flipped ? u[3] : u[0], *last = flipped ? u[0] : u[3];
#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < count; ++n) {
    const float* g = w.data() + 9 * n;
    const float a = transformed(row, g[0], g[3], g[6]);
    const float b = transformed(row, g[1], g[4], g[7]);
    const float c = transformed(row, g[2], g[5], g[8]);
    put(a, first[n]);
    put(0.5f * (a + b + c), u[1][n]);
    put(0.5f * (a - b + c), u[2][n]);
    put(c, last[n]);
  }
}

}  // namespace

WinogradWeights::WinogradWeights(const dnnl::engine& engine, std::span<const float> w, int64_t channels_in,
                                 int64_t channels_out, DType dtype, bool flipped, Pool& pool, Arena& working)
    : channels_in_(channels_in), channels_out_(channels_out), dtype_(dtype) {
  const int64_t count = channels_in * channels_out;
  check(static_cast<int64_t>(w.size()) == 9 * count, "winograd: expected ", 9 * count, " weights, got ", w.size());
  const Desc packed = winograd_packing(engine, channels_in, channels_out, dtype);
  const Desc plain({channels_in, channels_out}, dnnl_type(dtype), flipped ? Tag::ab : Tag::ba);
  dnnl::stream stream(engine);
  points_.reserve(winograd_points);
  const auto transform = [&]<class T>(TypeTag<T>) {
    // One row of U at a time: all of it beside the packed copy would double the memory.
    T* const row = reinterpret_cast<T*>(working.refit(static_cast<size_t>(4 * count) * sizeof(T)));
    const std::array<T*, 4> u = {row, row + count, row + 2 * count, row + 3 * count};
    const dnnl::reorder reorder({engine, plain, engine, packed});
    for (int64_t i = 0; i < 4; ++i) {
      transform_row<T>(i, w, flipped, u);
      for (T* matrix : u) {
        dnnl::memory from(plain, engine, matrix);
        reorder.execute(stream, from, points_.emplace_back(packed, engine, pool.allocate(bytes_of(packed))));
      }
      stream.wait();
    }
  };
  if (dtype == DType::bf16) {
    transform(TypeTag<Bf16>{});
  } else {
    transform(TypeTag<float>{});
  }
}

size_t WinogradWeights::bytes() const {
  size_t sum = 0;
  for (const dnnl::memory& point : points_) sum += bytes_of(point.get_desc());
  return sum;
}

}  // namespace rankine::cpu
