#pragma once
#include "backend/cpu/kernels/tensor_ptr.h"

namespace rankine::cpu {

/// Pictures cut into tiles of 2 x 2 outputs, row by row, picture after picture. At odd sizes the last tiles reach over
/// the edge: inputs there are zero, outputs there are dropped.
struct WinogradTiles {
  int64_t images = 1, height = 1, width = 1;
  int64_t rows() const { return (height + 1) / 2; }
  int64_t columns() const { return (width + 1) / 2; }
  int64_t count() const { return images * rows() * columns(); }
};

/// Sixteen matrices, one for each point (i, j) of the transformed 4 x 4 tile: matrix 4 i + j starts `stride` elements
/// after the one before it and has a row for each tile.
inline constexpr int64_t winograd_points = 16;

/// v[p, t] = (B^T d B)[p] for the tiles t in [begin, end); d: the 4 x 4 pixels of x around the tile, [C] each.
/// x: [N, H, W, C], v: 16 x [end - begin, C], both of one type. `zeros`: C zeros of that type.
void winograd_transform_input(const WinogradTiles& tiles, int64_t begin, int64_t end, In x, int64_t channels,
                              const void* zeros, Out v, int64_t stride);

/// y = A^T m A + bias + residual for the tiles in [begin, end). m: f32, 16 x [end - begin, O]; y: [N, H, W, O]; bias:
/// f32 [O] or null; residual: of y's shape and type, its data null for none, and y itself is allowed.
void winograd_transform_output(const WinogradTiles& tiles, int64_t begin, int64_t end, const float* m, int64_t stride,
                               int64_t channels, const float* bias, In residual, Out y);

/// A tile's place for the output transform: the outputs that lie in the picture, `rows` x `columns`, with `row_stride`
/// elements from one row to the next.
struct WinogradOutputTile {
  int64_t channels, stride;  // of m
  const float* bias;         // or null
  const void* residual;      // or null
  void* y;
  int64_t row_stride, rows, columns;
};

}  // namespace rankine::cpu
