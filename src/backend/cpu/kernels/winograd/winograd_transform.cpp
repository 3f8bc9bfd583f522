// The transforms of Winograd's F(2x2, 3x3) (Lavin & Gray 2015, arXiv:1509.09308, section 4.1):
//   B^T = 1  0 -1  0      A^T = 1  1  1  0
//         0  1  1  0            0  1 -1 -1
//         0 -1  1  0
//         0  1  0 -1
#include "backend/cpu/kernels/winograd/winograd_transform.h"

#include "backend/cpu/kernels/parallel.h"
#include "backend/cpu/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/kernels/winograd/winograd_transform.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h.
#include "backend/cpu/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rankine::cpu::HWY_NAMESPACE {

/// One vector of f32 channels.
struct Single {
  using Element = float;
  V v;

  static HWY_INLINE int64_t size() { return lanes(); }
  static HWY_INLINE Single from(const float* x) { return {load(D(), x)}; }
  HWY_INLINE void to(float* y) const { store(D(), v, y); }
  HWY_INLINE Single plus(Single b) const { return {hn::Add(v, b.v)}; }
  HWY_INLINE Single minus(Single b) const { return {hn::Sub(v, b.v)}; }
};

/// Two vectors of bf16 channels, the even and the odd ones: shifts and masks alone take them apart and together.
struct Pair {
  using Element = Bf16;
  using Bits = hn::Rebind<uint32_t, D>;
  V even, odd;

  static HWY_INLINE int64_t size() { return 2 * lanes(); }
  static HWY_INLINE Pair from(const Bf16* x) {
    const Bits bits;
    const auto both = hn::LoadU(bits, reinterpret_cast<const uint32_t*>(x));
    return {hn::BitCast(D(), hn::ShiftLeft<16>(both)), hn::BitCast(D(), hn::And(both, hn::Set(bits, 0xffff0000u)))};
  }
  /// To nearest even. Of bf16 operands no NaN comes whose lower half could carry into the sign.
  static HWY_INLINE hn::Vec<Bits> rounded(V v) {
    const Bits bits;
    const auto b = hn::BitCast(bits, v);
    return hn::Add(hn::Add(b, hn::Set(bits, 0x7fffu)), hn::And(hn::ShiftRight<16>(b), hn::Set(bits, 1u)));
  }
  HWY_INLINE void to(Bf16* y) const {
    const auto both = hn::Or(hn::ShiftRight<16>(rounded(even)), hn::And(rounded(odd), hn::Set(Bits(), 0xffff0000u)));
    hn::StoreU(both, Bits(), reinterpret_cast<uint32_t*>(y));
  }
  HWY_INLINE Pair plus(Pair b) const { return {hn::Add(even, b.even), hn::Add(odd, b.odd)}; }
  HWY_INLINE Pair minus(Pair b) const { return {hn::Sub(even, b.even), hn::Sub(odd, b.odd)}; }
};

/// Reads and writes whole groups of channels.
template <class Group>
struct WholeGroup {
  using T = typename Group::Element;
  HWY_INLINE Group load_from(const T* x) const { return Group::from(x); }
  HWY_INLINE void store_to(Group g, T* y) const { g.to(y); }
};
/// The n channels left at a row's end.
template <class Group>
struct RestOfGroup {
  using T = typename Group::Element;
  static constexpr size_t capacity = 2 * hn::MaxLanes(D());
  int64_t n;
  HWY_INLINE Group load_from(const T* x) const {
    alignas(64) T buffer[capacity] = {};
    std::memcpy(buffer, x, static_cast<size_t>(n) * sizeof(T));
    return Group::from(buffer);
  }
  HWY_INLINE void store_to(Group g, T* y) const {
    alignas(64) T buffer[capacity];
    g.to(buffer);
    std::memcpy(y, buffer, static_cast<size_t>(n) * sizeof(T));
  }
};

/// (t0..t3) -> (t0 - t2, t1 + t2, t2 - t1, t1 - t3), stored as row i of the transformed tile.
template <class Access, class Group, class T>
HWY_INLINE void store_row(Access access, Group t0, Group t1, Group t2, Group t3, T* v, int64_t stride) {
  access.store_to(t0.minus(t2), v);
  access.store_to(t1.plus(t2), v + stride);
  access.store_to(t2.minus(t1), v + 2 * stride);
  access.store_to(t1.minus(t3), v + 3 * stride);
}

/// One group of channels of a tile. Rows are read again rather than kept: sixteen pairs do not fit the registers.
template <class Access, class T>
HWY_INLINE void input_group(Access access, const T* const* d, int64_t c, T* v, int64_t stride) {
  const auto at = [&](int row, int column) HWY_ATTR { return access.load_from(d[4 * row + column] + c); };
  store_row(access, at(0, 0).minus(at(2, 0)), at(0, 1).minus(at(2, 1)), at(0, 2).minus(at(2, 2)),
            at(0, 3).minus(at(2, 3)), v + c, stride);
  store_row(access, at(1, 0).plus(at(2, 0)), at(1, 1).plus(at(2, 1)), at(1, 2).plus(at(2, 2)), at(1, 3).plus(at(2, 3)),
            v + 4 * stride + c, stride);
  store_row(access, at(2, 0).minus(at(1, 0)), at(2, 1).minus(at(1, 1)), at(2, 2).minus(at(1, 2)),
            at(2, 3).minus(at(1, 3)), v + 8 * stride + c, stride);
  store_row(access, at(1, 0).minus(at(3, 0)), at(1, 1).minus(at(3, 1)), at(1, 2).minus(at(3, 2)),
            at(1, 3).minus(at(3, 3)), v + 12 * stride + c, stride);
}

template <class Group>
HWY_INLINE void input_tile(const void* const* pixels, int64_t channels, void* to, int64_t stride) {
  using T = typename Group::Element;
  const T* d[winograd_points];
  for (int64_t p = 0; p < winograd_points; ++p) d[p] = static_cast<const T*>(pixels[p]);
  T* v = static_cast<T*>(to);
  const int64_t step = Group::size();
  int64_t c = 0;
  for (; c + step <= channels; c += step) input_group(WholeGroup<Group>(), d, c, v, stride);
  if (c < channels) input_group(RestOfGroup<Group>{channels - c}, d, c, v, stride);
}

/// `pixels`: the starts of the tile's 4 x 4 pixels.
void transform_input_tile(const void* const* pixels, int64_t channels, Out v, int64_t stride) {
  if (v.dtype == DType::bf16) {
    input_tile<Pair>(pixels, channels, v.data, stride);
  } else {
    input_tile<Single>(pixels, channels, v.data, stride);
  }
}

template <class T>
HWY_INLINE void output_tile(const float* m, const WinogradOutputTile& o) {
  const T* residual = static_cast<const T*>(o.residual);
  T* y = static_cast<T*>(o.y);
  for_vectors(o.channels, [&](int64_t c, auto access) HWY_ATTR {
    const V bias = o.bias != nullptr ? access.load_from(o.bias + c) : hn::Zero(D());
    V top[4], bottom[4];
    for (int64_t j = 0; j < 4; ++j) {
      const float* column = m + j * o.stride + c;
      const V a = access.load_from(column), b = access.load_from(column + 4 * o.stride);
      const V e = access.load_from(column + 8 * o.stride), f = access.load_from(column + 12 * o.stride);
      top[j] = hn::Add(hn::Add(a, b), e);
      bottom[j] = hn::Sub(hn::Sub(b, e), f);
    }
    const auto put = [&](V value, int64_t offset) HWY_ATTR {
      value = hn::Add(value, bias);
      if (residual != nullptr) value = hn::Add(value, access.load_from(residual + offset));
      access.store_to(value, y + offset);
    };
    const auto put_row = [&](const V* r, int64_t offset) HWY_ATTR {
      put(hn::Add(hn::Add(r[0], r[1]), r[2]), offset);
      if (o.columns > 1) put(hn::Sub(hn::Sub(r[1], r[2]), r[3]), offset + o.channels);
    };
    put_row(top, c);
    if (o.rows > 1) put_row(bottom, o.row_stride + c);
  });
}

void transform_output_tile(const float* m, DType dtype, const WinogradOutputTile& o) {
  with_storage(dtype, [&]<class T>(TypeTag<T>) HWY_ATTR { output_tile<T>(m, o); });
}

}  // namespace rankine::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rankine::cpu {

HWY_EXPORT(transform_input_tile);
HWY_EXPORT(transform_output_tile);

namespace {

/// Tasks go to whichever thread is free: a thread that waits for its core then holds up one task, not half of them.
template <class Body>
void spread(int64_t count, int64_t work, const Body& body) {
#pragma omp parallel for schedule(dynamic) if (count > 1 && work >= parallel_threshold)
  for (int64_t i = 0; i < count; ++i) body(i);
}

struct Tile {
  int64_t image, row, column;
};

Tile tile_at(const WinogradTiles& tiles, int64_t index) {
  const int64_t column = index % tiles.columns(), line = index / tiles.columns();
  return {line / tiles.rows(), line % tiles.rows(), column};
}

}  // namespace

void winograd_transform_input(const WinogradTiles& tiles, int64_t begin, int64_t end, In x, int64_t channels,
                              const void* zeros, Out v, int64_t stride) {
  check_product_type("winograd_transform_input", x.dtype);
  check_same_dtype("winograd_transform_input", x.dtype, v.dtype);
  const Cut cut = cut_rows(end - begin, winograd_points * channels, elements_per_task);
  spread(cut.count(), (end - begin) * winograd_points * channels, [&](int64_t task) {
    for (int64_t i = cut.begin(task); i < cut.end(task); ++i) {
      const Tile t = tile_at(tiles, begin + i);
      const void* pixels[winograd_points];
      for (int64_t p = 0; p < winograd_points; ++p) {
        const int64_t h = 2 * t.row - 1 + p / 4, w = 2 * t.column - 1 + p % 4;
        const bool inside = h >= 0 && h < tiles.height && w >= 0 && w < tiles.width;
        pixels[p] = inside ? x.at(((t.image * tiles.height + h) * tiles.width + w) * channels).data : zeros;
      }
      HWY_DYNAMIC_DISPATCH(transform_input_tile)(pixels, channels, v.at(i * channels), stride);
    }
  });
}

void winograd_transform_output(const WinogradTiles& tiles, int64_t begin, int64_t end, const float* m, int64_t stride,
                               int64_t channels, const float* bias, In residual, Out y) {
  check_product_type("winograd_transform_output", y.dtype);
  if (residual.data != nullptr) check_same_dtype("winograd_transform_output", residual.dtype, y.dtype);
  const Cut cut = cut_rows(end - begin, winograd_points * channels, elements_per_task);
  spread(cut.count(), (end - begin) * winograd_points * channels, [&](int64_t task) {
    for (int64_t i = cut.begin(task); i < cut.end(task); ++i) {
      const Tile t = tile_at(tiles, begin + i);
      const int64_t h = 2 * t.row, w = 2 * t.column;
      const int64_t offset = ((t.image * tiles.height + h) * tiles.width + w) * channels;
      HWY_DYNAMIC_DISPATCH(transform_output_tile)
      (m + i * channels, y.dtype,
       {.channels = channels,
        .stride = stride,
        .bias = bias,
        .residual = residual.data != nullptr ? residual.at(offset).data : nullptr,
        .y = y.at(offset).data,
        .row_stride = tiles.width * channels,
        .rows = std::min<int64_t>(2, tiles.height - h),
        .columns = std::min<int64_t>(2, tiles.width - w)});
    }
  });
}

}  // namespace rankine::cpu
#endif
