#include "backend/cpu/kernels/shape/reduce.h"

#include "backend/cpu/kernels/parallel.h"
#include "backend/cpu/kernels/targets.h"
#include "base/half.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/kernels/shape/reduce.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h.
#include "backend/cpu/kernels/vector-inl.h"

#ifndef RANKINE_CPU_KERNELS_REDUCE_TERM
#define RANKINE_CPU_KERNELS_REDUCE_TERM
namespace rankine::cpu {
enum class Term { value, square, squared_difference };
}  // namespace rankine::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace rankine::cpu::HWY_NAMESPACE {

using D64 = hn::ScalableTag<double>;
using V64 = hn::Vec<D64>;

template <Term term, class T, class U>
double sum_terms(const T* x, const U* y, int64_t n) {
  const D64 d64;
  const hn::Rebind<float, D64> d;
  const int64_t step = static_cast<int64_t>(hn::Lanes(d64));
  const auto add = [&](V64 total, auto a, auto b) HWY_ATTR {
    V64 v = hn::PromoteTo(d64, a);
    if constexpr (term == Term::value) return hn::Add(total, v);
    if constexpr (term == Term::squared_difference) v = hn::Sub(v, hn::PromoteTo(d64, b));
    return hn::MulAdd(v, v, total);
  };
  V64 s0 = hn::Zero(d64), s1 = s0, s2 = s0, s3 = s0;
  int64_t i = 0;
  for (; i + 4 * step <= n; i += 4 * step) {
    s0 = add(s0, load(d, x + i), load(d, y + i));
    s1 = add(s1, load(d, x + i + step), load(d, y + i + step));
    s2 = add(s2, load(d, x + i + 2 * step), load(d, y + i + 2 * step));
    s3 = add(s3, load(d, x + i + 3 * step), load(d, y + i + 3 * step));
  }
  for (; i + step <= n; i += step) s0 = add(s0, load(d, x + i), load(d, y + i));
  if (i < n) s1 = add(s1, load_part(d, x + i, n - i), load_part(d, y + i, n - i));  // the missing lanes are zero
  return sum_lanes(d64, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)));
}

/// y is x where a term has one operand.
double sum_range(Term term, In x, In y, int64_t n) {
  double total = 0;
  with_storage(x.dtype, y.dtype, [&]<class T, class U>(TypeTag<T>, TypeTag<U>) HWY_ATTR {
    const auto run = term == Term::value    ? sum_terms<Term::value, T, U>
                     : term == Term::square ? sum_terms<Term::square, T, U>
                                            : sum_terms<Term::squared_difference, T, U>;
    total = run(x.as<T>(), y.as<U>(), n);
  });
  return total;
}

/// sum[c] over rows; four rows at a time halve the traffic of the running sums and the error.
void sum_rows_range(In x_rows, int64_t rows, int64_t channels, float* sum) {
  with_storage(x_rows.dtype, [&]<class T>(TypeTag<T>) HWY_ATTR {
    const T* x = x_rows.as<T>();
    for (int64_t c = 0; c < channels; ++c) sum[c] = 0.0f;
    int64_t row = 0;
    for (; row + 4 <= rows; row += 4) {
      const T* first = x + row * channels;
      for_vectors(channels, [&](int64_t c, auto access) HWY_ATTR {
        const V low = hn::Add(access.load_from(first + c), access.load_from(first + channels + c));
        const V high = hn::Add(access.load_from(first + 2 * channels + c), access.load_from(first + 3 * channels + c));
        access.store_to(hn::Add(access.load_from(sum + c), hn::Add(low, high)), sum + c);
      });
    }
    for (; row < rows; ++row) {
      for_vectors(channels, [&](int64_t c, auto access) HWY_ATTR {
        access.store_to(hn::Add(access.load_from(sum + c), access.load_from(x + row * channels + c)), sum + c);
      });
    }
  });
}

struct ScaledDifference {
  float factor;
  HWY_INLINE V operator()(V a, V b) const { return hn::Mul(hn::Sub(a, b), hn::Set(D(), factor)); }
};

void scaled_difference_range(float factor, In a, In b, Out y, int64_t n) {
  with_storage(a.dtype, b.dtype, [&]<class T, class U>(TypeTag<T>, TypeTag<U>) HWY_ATTR {
    map(a.as<T>(), b.as<U>(), y.as<T>(), n, ScaledDifference{factor});
  });
}

}  // namespace rankine::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rankine::cpu {

HWY_EXPORT(sum_range);
HWY_EXPORT(sum_rows_range);
HWY_EXPORT(scaled_difference_range);

namespace {

/// A sum is cut into at most this many pieces, whose sums lie on the stack.
constexpr int64_t max_pieces = 64;
constexpr int64_t elements_per_row_piece = 2 * elements_per_task;

double sum_of_terms(Term term, In x, In y, int64_t n) {
  const Cut cut = cut_evenly(n, max_pieces);
  double sums[max_pieces] = {};
  parallel_tasks(cut.count(), n, [&](int64_t i) {
    const int64_t begin = cut.begin(i);
    sums[i] = HWY_DYNAMIC_DISPATCH(sum_range)(term, x.at(begin), y.at(begin), cut.end(i) - begin);
  });
  double total = 0;
  for (int64_t i = 0; i < cut.count(); ++i) total += sums[i];
  return total;
}

/// Rounds `value` into element i.
void put(Out y, int64_t i, double value) {
  const float rounded = static_cast<float>(value);
  if (y.dtype == DType::bf16) {
    y.as<Bf16>()[i] = bf16_from_f32(rounded);
  } else if (y.dtype == DType::f16) {
    y.as<F16>()[i].bits = f16_from_f32(rounded);
  } else {
    y.as<float>()[i] = rounded;
  }
}

}  // namespace

double sum_all(In x, int64_t n) {
  check_storage("sum_all", x.dtype);
  return sum_of_terms(Term::value, x, x, n);
}

double sum_squares(In x, int64_t n) {
  check_storage("sum_squares", x.dtype);
  return sum_of_terms(Term::square, x, x, n);
}

void sum_inner(In x, Out y, int64_t outer, int64_t inner) {
  check_storage("sum_inner", x.dtype);
  check_storage("sum_inner", y.dtype);
  if (inner > 4 * elements_per_task) {
    for (int64_t o = 0; o < outer; ++o) put(y, o, sum_of_terms(Term::value, x.at(o * inner), x.at(o * inner), inner));
    return;
  }
  const Cut cut = cut_rows(outer, inner, elements_per_task);
  parallel_tasks(cut.count(), outer * inner, [&](int64_t i) {
    for (int64_t o = cut.begin(i); o < cut.end(i); ++o) {
      const In row = x.at(o * inner);
      put(y, o, HWY_DYNAMIC_DISPATCH(sum_range)(Term::value, row, row, inner));
    }
  });
}

size_t sum_middle_scratch_bytes(int64_t outer, int64_t inner, int64_t channels) {
  const int64_t pieces = outer * cut_rows(inner, channels, elements_per_row_piece).count();
  return static_cast<size_t>(pieces * channels) * sizeof(float);
}

void sum_middle(In x, Out y, int64_t outer, int64_t inner, int64_t channels, void* scratch) {
  check_storage("sum_middle", x.dtype);
  check_storage("sum_middle", y.dtype);
  if (channels == 1) return sum_inner(x, y, outer, inner);
  const Cut cut = cut_rows(inner, channels, elements_per_row_piece);
  float* sums = static_cast<float*>(scratch);  // [outer][piece][channels]
  parallel_tasks(outer * cut.count(), outer * inner * channels, [&](int64_t i) {
    const int64_t k = i % cut.count();
    const int64_t first = i / cut.count() * inner + cut.begin(k);
    HWY_DYNAMIC_DISPATCH(sum_rows_range)
    (x.at(first * channels), cut.end(k) - cut.begin(k), channels, sums + i * channels);
  });
  parallel_tasks(outer * channels, outer * cut.count() * channels, [&](int64_t i) {
    const float* column = sums + i / channels * cut.count() * channels + i % channels;
    double total = 0;
    for (int64_t k = 0; k < cut.count(); ++k) total += column[k * channels];
    put(y, i, total);
  });
}

void mse_per_sample(In prediction, In target, float* loss, int64_t samples, int64_t elements) {
  check_storage("mse_per_sample", prediction.dtype);
  check_storage("mse_per_sample", target.dtype);
  for (int64_t n = 0; n < samples; ++n) {
    const int64_t at = n * elements;
    const double total = sum_of_terms(Term::squared_difference, prediction.at(at), target.at(at), elements);
    loss[n] = static_cast<float>(total / static_cast<double>(elements));
  }
}

void mse_per_sample_backward(In prediction, In target, const float* dloss, Out dprediction, int64_t samples,
                             int64_t elements) {
  check_storage("mse_per_sample_backward", prediction.dtype);
  check_storage("mse_per_sample_backward", target.dtype);
  check_same_dtype("mse_per_sample_backward", prediction.dtype, dprediction.dtype);
  for (int64_t n = 0; n < samples; ++n) {
    const float factor = static_cast<float>(2.0 / static_cast<double>(elements) * static_cast<double>(dloss[n]));
    parallel_elements(elements, [&](int64_t begin, int64_t end) {
      const int64_t at = n * elements + begin;
      HWY_DYNAMIC_DISPATCH(scaled_difference_range)
      (factor, prediction.at(at), target.at(at), dprediction.at(at), end - begin);
    });
  }
}

}  // namespace rankine::cpu
#endif
