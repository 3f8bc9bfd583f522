#pragma once
#include <cstddef>
#include <cstdint>

// The interface of an implementation of the product. The driver in linear.cpp splits the work over threads. This
// header is compiled for several instruction sets: it holds types and constants, and no function that a linker could
// merge.
namespace rankine {

/// The right-hand side of a product, [depth, columns], as it is stored. Lengths and strides count elements here as
/// everywhere below.
struct ProductOperand {
  const void* values;
  int64_t depth, columns;
  bool columns_are_rows;  ///< stored as [columns, depth], else as [depth, columns]
  int64_t row;            ///< from one stored row to the next
};

/// y[rows, columns] = x w + low b + bias + residual for one panel of columns.
struct ProductTask {
  int64_t rows, columns;  ///< at most a panel's
  const void* x;          ///< [rows, depth] at x_row
  int64_t x_row, depth;   ///< a multiple of depth_step
  const uint32_t* w;      ///< packed panel
  const void* low;        ///< [rows, low_depth] at low_row; unused when low_depth is 0
  int64_t low_row, low_depth;
  const uint32_t* b;     ///< packed panel
  const float* bias;     ///< [columns] or null
  const void* residual;  ///< as y, or null; may be y itself
  void* y;               ///< [rows, columns] at y_row
  int64_t y_row;
  float* partial;  ///< [rows, panel_columns], aligned: sums between parts of a long depth
};

/// c [rows, columns] (+)= left^T right over `steps` steps of the depth, both operands packed panels, c in f32.
struct OuterTask {
  int64_t rows, columns, steps;  ///< rows and columns at most a panel's
  const uint32_t *left, *right;
  float* c;  ///< [rows, columns] at c_row
  int64_t c_row;
  bool adds;
};

/// An implementation for one type of element.
struct ProductKernels {
  size_t element_bytes;   ///< of x, low, residual and y
  int64_t depth_step;     ///< elements of the depth that lie in one 32-bit word of a panel: a pair of bf16, or one f32
  int64_t panel_columns;  ///< columns of a packed operand lie in panels of this many
  int64_t block_rows;     ///< rows that go through all panels together, so that their part of x stays in a near cache
  /// Panels from begin to end, each [depth / depth_step][panel_columns] words; columns that are not there become zero.
  void (*pack)(const ProductOperand&, int64_t begin, int64_t end, uint32_t* packed);
  void (*multiply)(const ProductTask&);
  void (*outer)(const OuterTask&);
};

/// bf16 with f32 sums; null if the compiler or the processor lacks AVX512-BF16.
const ProductKernels* avx512_bf16_product();
/// f32; null if the compiler or the processor lacks AVX2 and FMA.
const ProductKernels* avx2_product();
/// Products of f32; null if the compiler or the processor lacks AVX-512.
const ProductKernels* avx512_product();

}  // namespace rankine
