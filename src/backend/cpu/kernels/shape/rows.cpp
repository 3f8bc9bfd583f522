#include "backend/cpu/kernels/shape/rows.h"

#include <cmath>
#include <cstring>

#include "backend/cpu/kernels/parallel.h"
#include "backend/cpu/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/kernels/shape/rows.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.h.
#include "backend/cpu/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rankine::cpu::HWY_NAMESPACE {

struct Plus {
  HWY_INLINE V operator()(V a, V b) const { return hn::Add(a, b); }
};

/// total[i] += x[i].
void add_to(float* total, In x, int64_t n) {
  with_storage(x.dtype, [&]<class T>(TypeTag<T>) HWY_ATTR { map(total, x.as<T>(), total, n, Plus()); });
}

}  // namespace rankine::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rankine::cpu {

HWY_EXPORT(add_to);

namespace {

template <class Id>
void check_ids(const char* kernel, const Id* ids, int64_t count, int64_t table_rows) {
  for (int64_t i = 0; i < count; ++i) {
    check(ids[i] >= 0 && ids[i] < table_rows, kernel, ": id ", ids[i], " at position ", i,
          " is outside the table's rows [0, ", table_rows, ")");
  }
}

template <class Id>
void gather(const void* table, int64_t table_rows, const Id* ids, void* y, int64_t row_bytes, int64_t count) {
  check_ids("gather_rows", ids, count, table_rows);
  parallel_tasks(count, count * row_bytes / 4, [&](int64_t i) {
    std::memcpy(static_cast<char*>(y) + i * row_bytes, static_cast<const char*>(table) + ids[i] * row_bytes,
                static_cast<size_t>(row_bytes));
  });
}

/// Cut along channels, so that two equal ids never meet, and every sum follows the order of the rows.
template <class Id>
void scatter_add(In dy, const Id* ids, float* dtable, int64_t table_rows, int64_t channels, int64_t count) {
  check_storage("scatter_add_rows", dy.dtype);
  check_ids("scatter_add_rows", ids, count, table_rows);
  const Cut cut{channels, 128};
  parallel_tasks(cut.count(), count * channels, [&](int64_t k) {
    const int64_t c = cut.begin(k);
    for (int64_t i = 0; i < count; ++i) {
      HWY_DYNAMIC_DISPATCH(add_to)(dtable + ids[i] * channels + c, dy.at(i * channels + c), cut.end(k) - c);
    }
  });
}

}  // namespace

void copy_rows(const void* x, int64_t x_stride_bytes, void* y, int64_t y_stride_bytes, int64_t row_bytes,
               int64_t rows) {
  const Cut cut = cut_rows(rows, row_bytes, 4 * elements_per_task);
  parallel_tasks(cut.count(), rows * row_bytes / 4, [&](int64_t i) {
    for (int64_t row = cut.begin(i); row < cut.end(i); ++row) {
      std::memcpy(static_cast<char*>(y) + row * y_stride_bytes, static_cast<const char*>(x) + row * x_stride_bytes,
                  static_cast<size_t>(row_bytes));
    }
  });
}

void gather_rows(const void* table, int64_t table_rows, const int32_t* ids, void* y, int64_t row_bytes, int64_t count) {
  gather(table, table_rows, ids, y, row_bytes, count);
}
void gather_rows(const void* table, int64_t table_rows, const int64_t* ids, void* y, int64_t row_bytes, int64_t count) {
  gather(table, table_rows, ids, y, row_bytes, count);
}

void scatter_add_rows(In dy, const int32_t* ids, float* dtable, int64_t table_rows, int64_t channels, int64_t count) {
  scatter_add(dy, ids, dtable, table_rows, channels, count);
}
void scatter_add_rows(In dy, const int64_t* ids, float* dtable, int64_t table_rows, int64_t channels, int64_t count) {
  scatter_add(dy, ids, dtable, table_rows, channels, count);
}

// Every step is rounded to f32 where torch rounds: at t = 999 one unit in the last place of t f is 6e-5 of the angle.
void timestep_embedding(const float* t, float* y, int64_t count, int64_t channels, double max_period) {
  const int64_t half = channels / 2;
  const float rate = static_cast<float>(-std::log(max_period));
  for (int64_t n = 0; n < count; ++n) {
    float* row = y + n * channels;
    for (int64_t i = 0; i < half; ++i) {
      const float exponent = rate * static_cast<float>(i) / static_cast<float>(half);
      const float angle = t[n] * static_cast<float>(std::exp(static_cast<double>(exponent)));
      row[i] = static_cast<float>(std::cos(static_cast<double>(angle)));
      row[half + i] = static_cast<float>(std::sin(static_cast<double>(angle)));
    }
    if (channels % 2 != 0) row[channels - 1] = 0.0f;
  }
}

}  // namespace rankine::cpu
#endif
