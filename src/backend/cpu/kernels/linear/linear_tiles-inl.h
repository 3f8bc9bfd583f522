#pragma once
#include "backend/cpu/kernels/linear/linear_isa.h"

// The tiles of the products, for linear_avx2.cpp and linear_avx512_bf16.cpp alone, which include this after their
// pragmas. The instruction set is the parameter `Isa`: it says the vector types, the numbers of lanes and of elements
// in a word, and how to load, multiply and store.
namespace rankine {
namespace {

int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

template <class Isa, int kRows, int kVectors>
struct Sums {
  typename Isa::Vector at[kRows][kVectors];
};

/// An operand read one word at a time and broadcast: word p of row i lies at data[i * row + p * step].
template <class Isa>
struct Broadcast {
  const typename Isa::Element* data;
  int64_t row, step;
};

/// sums += x[0..kRows) . w over `steps` words of the depth. Inlined, so that strides known to the caller become
/// constants in the addresses.
template <class Isa, int kRows, int kVectors>
[[gnu::always_inline]] inline void accumulate(Sums<Isa, kRows, kVectors>& sums, Broadcast<Isa> x, const uint32_t* w,
                                              int64_t steps) {
  for (int64_t p = 0; p < steps; ++p, x.data += x.step, w += Isa::kPanelColumns) {
    typename Isa::Words vectors[kVectors];
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) vectors[j] = Isa::words(w + j * Isa::kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      const typename Isa::Words word = Isa::broadcast(x.data + i * x.row);
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) sums.at[i][j] = Isa::add_product(sums.at[i][j], vectors[j], word);
    }
  }
}

/// One tile of rows over the part [begin, end) of the depth, in words.
template <class Isa, int kRows, int kVectors>
[[gnu::always_inline]] inline void tile(const ProductTask& t, int64_t row, int64_t begin, int64_t end) {
  using Element = typename Isa::Element;
  constexpr int64_t kLanes = Isa::kLanes, kColumns = Isa::kPanelColumns, kStep = Isa::kElements;
  Sums<Isa, kRows, kVectors> sums;
  float* partial = t.partial + row * kColumns;
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j)
      sums.at[i][j] = begin > 0 ? Isa::load_aligned(partial + i * kColumns + j * kLanes) : Isa::zero();
  }
  accumulate<Isa>(sums, {static_cast<const Element*>(t.x) + row * t.x_row + kStep * begin, t.x_row, kStep},
                  t.w + begin * kColumns, end - begin);
  if (kStep * end < t.depth) {
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) Isa::store_aligned(partial + i * kColumns + j * kLanes, sums.at[i][j]);
    }
    return;
  }
  if (t.low_depth > 0)
    accumulate<Isa>(sums, {static_cast<const Element*>(t.low) + row * t.low_row, t.low_row, kStep}, t.b,
                    t.low_depth / kStep);
#pragma GCC unroll 4
  for (int j = 0; j < kVectors; ++j) {
    const auto lanes = Isa::first_lanes(t.columns - j * kLanes);
    const typename Isa::Vector bias = t.bias ? Isa::load(t.bias + j * kLanes, lanes) : Isa::zero();
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      const int64_t at = (row + i) * t.y_row + j * kLanes;
      typename Isa::Vector sum = Isa::add(sums.at[i][j], bias);
      if (t.residual) sum = Isa::add(sum, Isa::load(static_cast<const Element*>(t.residual) + at, lanes));
      Isa::store(static_cast<Element*>(t.y) + at, sum, lanes);
    }
  }
}

/// One tile of rows of an outer product, whose left operand is read down its panel.
template <class Isa, int kRows, int kVectors>
[[gnu::always_inline]] inline void tile(const OuterTask& t, int64_t row) {
  using Element = typename Isa::Element;
  constexpr int64_t kLanes = Isa::kLanes, kStep = Isa::kElements;
  Sums<Isa, kRows, kVectors> sums;
#pragma GCC unroll 4
  for (int j = 0; j < kVectors; ++j) {
    const auto lanes = Isa::first_lanes(t.columns - j * kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i)
      sums.at[i][j] = t.adds ? Isa::load(t.c + (row + i) * t.c_row + j * kLanes, lanes) : Isa::zero();
  }
  accumulate<Isa>(sums, {reinterpret_cast<const Element*>(t.left + row), kStep, kStep * Isa::kPanelColumns}, t.right,
                  t.steps);
#pragma GCC unroll 4
  for (int j = 0; j < kVectors; ++j) {
    const auto lanes = Isa::first_lanes(t.columns - j * kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) Isa::store(t.c + (row + i) * t.c_row + j * kLanes, sums.at[i][j], lanes);
  }
}

/// All rows of a task, at most kRows at once: as many as the registers have room for.
template <class Isa, int kRows, int kVectors, class Task, class... Part>
void all_rows(const Task& t, Part... part) {
  int64_t row = 0;
  for (; row + kRows <= t.rows; row += kRows) tile<Isa, kRows, kVectors>(t, row, part...);
  for (; row + 4 <= t.rows; row += 4) tile<Isa, 4, kVectors>(t, row, part...);
  for (; row + 2 <= t.rows; row += 2) tile<Isa, 2, kVectors>(t, row, part...);
  for (; row < t.rows; ++row) tile<Isa, 1, kVectors>(t, row, part...);
}

/// A task in parts of the depth. Isa::rows_by_vectors calls all_rows for the task's number of columns.
template <class Isa>
void multiply(const ProductTask& t) {
  const int64_t steps = t.depth / Isa::kElements;
  for (int64_t begin = 0; begin < steps; begin += Isa::kPart)
    Isa::rows_by_vectors(t, begin, smaller(steps, begin + Isa::kPart));
}

template <class Isa>
void outer(const OuterTask& t) {
  Isa::rows_by_vectors(t);
}

/// Panels from begin to end; Isa::pack_transposed and Isa::pack_straight make one each.
template <class Isa>
void pack(const ProductOperand& w, int64_t begin, int64_t end, uint32_t* packed) {
  for (int64_t panel = begin; panel < end; ++panel) {
    uint32_t* out = packed + panel * (w.depth / Isa::kElements) * Isa::kPanelColumns;
    if (w.columns_are_rows) {
      Isa::pack_transposed(w, panel * Isa::kPanelColumns, out);
    } else {
      Isa::pack_straight(w, panel * Isa::kPanelColumns, out);
    }
  }
}

}  // namespace
}  // namespace rankine
