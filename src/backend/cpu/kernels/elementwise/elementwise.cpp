#include "backend/cpu/kernels/elementwise/elementwise.h"

#include <cstring>

#include "backend/cpu/kernels/parallel.h"
#include "backend/cpu/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/kernels/elementwise/elementwise.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h.
#include "backend/cpu/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rankine::cpu::HWY_NAMESPACE {

struct Plus {
  HWY_INLINE V operator()(V a, V b) const { return hn::Add(a, b); }
};
struct Minus {
  HWY_INLINE V operator()(V a, V b) const { return hn::Sub(a, b); }
};
struct Times {
  HWY_INLINE V operator()(V a, V b) const { return hn::Mul(a, b); }
};
struct DividedBy {
  HWY_INLINE V operator()(V a, V b) const { return hn::Div(a, b); }
};

/// Op with one number as its second operand.
template <class Op>
struct With {
  float b;
  HWY_INLINE V operator()(V a) const { return Op()(a, hn::Set(D(), b)); }
};

struct ScaledSum {
  float alpha, beta;
  HWY_INLINE V operator()(V a, V b) const {
    const D d;
    return hn::MulAdd(hn::Set(d, alpha), a, hn::Mul(hn::Set(d, beta), b));
  }
};

template <class T>
float to_float(T x) {
  const hn::CappedTag<float, 1> d;
  return hn::GetLane(load(d, &x));
}

template <class Op, class T, class U>
void binary_typed(const T* a, const U* b, bool vector_b, T* y, int64_t n) {
  if (vector_b) {
    map(a, b, y, n, Op());
  } else {
    map(a, y, n, With<Op>{to_float(*b)});
  }
}

/// n elements of a with n elements of b, or all with b's first.
void binary_range(BinaryOp op, In a, In b, bool vector_b, Out y, int64_t n) {
  with_storage(a.dtype, b.dtype, [&]<class T, class U>(TypeTag<T>, TypeTag<U>) HWY_ATTR {
    switch (op) {
      case BinaryOp::add:
        return binary_typed<Plus>(a.as<T>(), b.as<U>(), vector_b, y.as<T>(), n);
      case BinaryOp::sub:
        return binary_typed<Minus>(a.as<T>(), b.as<U>(), vector_b, y.as<T>(), n);
      case BinaryOp::mul:
        return binary_typed<Times>(a.as<T>(), b.as<U>(), vector_b, y.as<T>(), n);
      case BinaryOp::div:
        return binary_typed<DividedBy>(a.as<T>(), b.as<U>(), vector_b, y.as<T>(), n);
    }
  });
}

void axpby_range(float alpha, In a, float beta, In b, Out y, int64_t n) {
  with_storage(a.dtype, b.dtype, [&]<class T, class U>(TypeTag<T>, TypeTag<U>) HWY_ATTR {
    map(a.as<T>(), b.as<U>(), y.as<T>(), n, ScaledSum{alpha, beta});
  });
}

void scale_range(float factor, In x, Out y, int64_t n) {
  with_storage(x.dtype, y.dtype, [&]<class T, class U>(TypeTag<T>, TypeTag<U>) HWY_ATTR {
    map(x.as<T>(), y.as<U>(), n, With<Times>{factor});
  });
}

struct Same {
  HWY_INLINE V operator()(V x) const { return x; }
};

void cast_range(const void* x, DType x_dtype, Out y, int64_t n) {
  with_storage(x_dtype, y.dtype, [&]<class T, class U>(TypeTag<T>, TypeTag<U>) HWY_ATTR {
    map(static_cast<const T*>(x), y.as<U>(), n, Same());
  });
}

void fill_range(Out y, float value, int64_t n) {
  with_storage(y.dtype, [&]<class U>(TypeTag<U>) HWY_ATTR {
    const D d;
    const V v = hn::Set(d, value);
    const int64_t step = lanes();
    int64_t i = 0;
    for (; i + step <= n; i += step) store(d, v, y.as<U>() + i);
    if (i < n) store_part(d, v, y.as<U>() + i, n - i);
  });
}

}  // namespace rankine::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rankine::cpu {

HWY_EXPORT(binary_range);
HWY_EXPORT(axpby_range);
HWY_EXPORT(scale_range);
HWY_EXPORT(cast_range);
HWY_EXPORT(fill_range);

void binary(BinaryOp op, Broadcast kind, In a, In b, Out y, const BroadcastShape& shape) {
  check_storage("binary", a.dtype);
  check_storage("binary", b.dtype);
  check_same_dtype("binary", a.dtype, y.dtype);
  const int64_t count = shape.count();
  // A row is the longest run of a for which b is either one element or as many elements side by side.
  const bool vector_b = kind == Broadcast::none || kind == Broadcast::channels || kind == Broadcast::outer_channels;
  int64_t row = count;
  if (kind == Broadcast::outer) row = shape.inner * shape.channels;
  if (kind == Broadcast::channels || kind == Broadcast::outer_channels) row = shape.channels;

  const auto first_of_b = [&](int64_t row_index) -> int64_t {
    switch (kind) {
      case Broadcast::outer:
        return row_index;
      case Broadcast::outer_channels:
        return row_index / shape.inner * shape.channels;
      default:
        return 0;
    }
  };
  parallel_elements(count, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t row_index = begin / row;
      const int64_t stop = std::min(end, (row_index + 1) * row);
      const int64_t offset = first_of_b(row_index) + (vector_b ? begin - row_index * row : 0);
      HWY_DYNAMIC_DISPATCH(binary_range)(op, a.at(begin), b.at(offset), vector_b, y.at(begin), stop - begin);
      begin = stop;
    }
  });
}

void axpby(float alpha, In a, float beta, In b, Out y, int64_t n) {
  check_storage("axpby", a.dtype);
  check_storage("axpby", b.dtype);
  check_same_dtype("axpby", a.dtype, y.dtype);
  parallel_elements(n, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(axpby_range)(alpha, a.at(begin), beta, b.at(begin), y.at(begin), end - begin);
  });
}

void scale(float scale, In x, Out y, int64_t n) {
  check_storage("scale", x.dtype);
  check_storage("scale", y.dtype);
  parallel_elements(n, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(scale_range)(scale, x.at(begin), y.at(begin), end - begin);
  });
}

void cast_in_thread(In x, Out y, int64_t n) {
  if (x.dtype == y.dtype || !is_half(x.dtype) || !is_half(y.dtype)) {
    HWY_DYNAMIC_DISPATCH(cast_range)(x.data, x.dtype, y, n);
    return;
  }
  constexpr int64_t kPart = 1024;  // between two kinds of half floats it goes over f32
  alignas(64) float wide[kPart];
  for (int64_t i = 0; i < n; i += kPart) {
    const int64_t count = std::min(kPart, n - i);
    HWY_DYNAMIC_DISPATCH(cast_range)(x.at(i).data, x.dtype, wide, count);
    HWY_DYNAMIC_DISPATCH(cast_range)(wide, DType::f32, y.at(i), count);
  }
}

void cast(const void* x, DType x_dtype, Out y, int64_t n) {
  check_storage("cast", x_dtype);
  check_storage("cast", y.dtype);
  parallel_elements(
      n, [&](int64_t begin, int64_t end) { cast_in_thread(In(x, x_dtype).at(begin), y.at(begin), end - begin); });
}

void copy_bytes(const void* x, void* y, int64_t bytes) {
  const Cut cut{bytes, 4 * elements_per_task};
  parallel_tasks(cut.count(), bytes / 4, [&](int64_t i) {
    const size_t size = static_cast<size_t>(cut.end(i) - cut.begin(i));
    std::memcpy(static_cast<char*>(y) + cut.begin(i), static_cast<const char*>(x) + cut.begin(i), size);
  });
}

void fill(Out y, float value, int64_t n) {
  check_storage("fill", y.dtype);
  parallel_elements(n, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(fill_range)(y.at(begin), value, end - begin);
  });
}

}  // namespace rankine::cpu
#endif
