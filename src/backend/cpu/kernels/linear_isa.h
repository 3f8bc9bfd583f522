#pragma once
#include <cstddef>
#include <cstdint>

// What an implementation of the product gives to the driver in linear.cpp, which splits the work over threads. This
// header is compiled for several instruction sets: it holds types and constants, and no function that a linker could
// merge.
namespace rankine {

/// Columns of a packed operand lie in panels of this many: four vectors of sums for each row of a tile.
constexpr int64_t kPanelColumns = 64;

/// The right-hand side of a product, [depth, columns] in bf16, as it is stored.
struct ProductOperand {
  const uint16_t* values;
  int64_t depth, columns;
  bool columns_are_rows;  ///< stored as [columns, depth], else as [depth, columns]
  int64_t row;            ///< from one stored row to the next
};

/// y[rows, columns] = x w + low b + bias + residual for one panel of columns.
struct ProductTask {
  int64_t rows, columns;  ///< at most kPanelColumns
  const uint16_t* x;      ///< [rows, depth] at x_row
  int64_t x_row, depth;   ///< even
  const uint32_t* w;      ///< packed panel
  const uint16_t* low;    ///< [rows, low_depth] at low_row; unused when low_depth is 0
  int64_t low_row, low_depth;
  const uint32_t* b;         ///< packed panel
  const float* bias;         ///< [columns] or null
  const uint16_t* residual;  ///< as y, or null; may be y itself
  uint16_t* y;               ///< [rows, columns] at y_row
  int64_t y_row;
  float* partial;  ///< [rows, kPanelColumns], aligned: sums between parts of a long depth
};

/// c [rows, columns] (+)= left^T right over `pairs` pairs of the depth, both operands packed panels, c in f32.
struct OuterTask {
  int64_t rows, columns, pairs;  ///< rows and columns at most kPanelColumns
  const uint32_t *left, *right;
  float* c;  ///< [rows, columns] at c_row
  int64_t c_row;
  bool adds;
};

struct ProductKernels {
  /// Panels from begin to end, each [depth / 2][kPanelColumns] pairs; columns that are not there become zero.
  void (*pack)(const ProductOperand&, int64_t begin, int64_t end, uint32_t* packed);
  void (*multiply)(const ProductTask&);
  void (*outer)(const OuterTask&);
};

/// Null where the compiler or the processor lacks AVX512-BF16.
const ProductKernels* avx512_bf16_product();

}  // namespace rankine
