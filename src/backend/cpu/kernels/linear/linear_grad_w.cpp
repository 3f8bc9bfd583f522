#include <omp.h>

#include <algorithm>

#include "backend/cpu/kernels/linear/linear.h"

namespace rankine::cpu {
namespace {

/// Rows that are packed at once: a panel of them stays in the second-level cache.
constexpr int64_t kPieceRows = 512;
/// Pieces of work there should be at least, so that threads can share them evenly; not their number, on which results
/// must not depend.
constexpr int64_t kLeastTasks = 16;

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }
int64_t panels_of(const ProductKernels& k, int64_t columns) { return divide_up(columns, k.panel_columns); }

/// The sum over rows is cut into parts that tasks compute side by side and that are added up in order at the end.
struct Plan {
  bool x_is_wide;
  int64_t wide, narrow, parts, part_rows;
  size_t sums, threads, of_thread, bytes;  ///< offsets in bytes, the last two sizes; the packed narrow operand is first

  Plan(const ProductKernels& k, const LoraGradShape& s, int thread_count) {
    x_is_wide = s.inputs >= s.outputs;
    wide = x_is_wide ? s.inputs : s.outputs;
    narrow = x_is_wide ? s.outputs : s.inputs;
    const int64_t pieces = divide_up(s.rows, kPieceRows);
    parts = std::clamp<int64_t>(divide_up(kLeastTasks, panels_of(k, wide)), 1, pieces);
    part_rows = divide_up(pieces, parts) * kPieceRows;
    parts = divide_up(s.rows, part_rows);
    sums = aligned(packed_panel_bytes(s.dtype, s.rows, narrow));
    threads = sums + (parts > 1 ? aligned(static_cast<size_t>(parts * s.inputs * s.outputs) * sizeof(float)) : 0);
    of_thread = packed_panel_bytes(s.dtype, std::min(s.rows, kPieceRows), k.panel_columns);
    bytes = threads + of_thread * static_cast<size_t>(thread_count);
  }
};

}  // namespace

bool lora_grad_w_supported(const LoraGradShape& shape) {
  const ProductKernels* kernels = product_kernels(shape.dtype);
  constexpr int64_t kMostOfNarrow = 256;  // two wide operands would be packed over and over: oneDNN does better there
  return kernels && shape.rows % kernels->depth_step == 0 && std::min(shape.inputs, shape.outputs) <= kMostOfNarrow;
}

size_t lora_grad_w_scratch_bytes(const LoraGradShape& shape, int threads) {
  return Plan(*product_kernels(shape.dtype), shape, threads).bytes;
}

void lora_grad_w(const LoraGradShape& shape, const void* x, const void* dy, float* dw, void* scratch, int threads) {
  const ProductKernels& kernels = *product_kernels(shape.dtype);
  const Plan plan(kernels, shape, threads);
  const int64_t panel_columns = kernels.panel_columns, step = kernels.depth_step;
  auto* const base = static_cast<std::byte*>(scratch);
  auto* const narrow = reinterpret_cast<uint32_t*>(base);
  float* const sums = plan.parts > 1 ? reinterpret_cast<float*>(base + plan.sums) : dw;
  const int64_t count = shape.inputs * shape.outputs, narrow_panels = panels_of(kernels, plan.narrow);
  const auto at = [&](const void* data, int64_t element) {
    return static_cast<const std::byte*>(data) + static_cast<size_t>(element) * kernels.element_bytes;
  };
  const void *const wide = plan.x_is_wide ? x : dy, *const narrow_values = plan.x_is_wide ? dy : x;

  // One panel of the wide operand over one part of the rows.
  const auto task = [&](int64_t panel, int64_t part, uint32_t* packed) {
    const int64_t end = std::min(shape.rows, (part + 1) * plan.part_rows), column = panel * panel_columns;
    float* const c = sums + part * count;
    for (int64_t begin = part * plan.part_rows; begin < end; begin += kPieceRows) {
      const int64_t rows = std::min(kPieceRows, end - begin), columns = std::min(panel_columns, plan.wide - column);
      kernels.pack({at(wide, begin * plan.wide + column), rows, columns, false, plan.wide}, 0, 1, packed);
      for (int64_t n = 0; n < narrow_panels; ++n) {
        const uint32_t* other = narrow + (n * shape.rows + begin) / step * panel_columns;
        const int64_t first = n * panel_columns, others = std::min(panel_columns, plan.narrow - first);
        kernels.outer({.rows = plan.x_is_wide ? others : columns,
                       .columns = plan.x_is_wide ? columns : others,
                       .steps = rows / step,
                       .left = plan.x_is_wide ? other : packed,
                       .right = plan.x_is_wide ? packed : other,
                       .c = c + (plan.x_is_wide ? first * shape.inputs + column : column * shape.inputs + first),
                       .c_row = shape.inputs,
                       .adds = begin > part * plan.part_rows});
      }
    }
  };
#pragma omp parallel num_threads(threads)
  {
    auto* const packed =
        reinterpret_cast<uint32_t*>(base + plan.threads + static_cast<size_t>(omp_get_thread_num()) * plan.of_thread);
#pragma omp for schedule(dynamic)
    for (int64_t piece = 0; piece < narrow_panels * divide_up(shape.rows, kPieceRows); ++piece) {
      const int64_t n = piece % narrow_panels, begin = piece / narrow_panels * kPieceRows;
      const int64_t rows = std::min(kPieceRows, shape.rows - begin), column = n * panel_columns;
      kernels.pack({at(narrow_values, begin * plan.narrow + column), rows,
                    std::min(panel_columns, plan.narrow - column), false, plan.narrow},
                   0, 1, narrow + (n * shape.rows + begin) / step * panel_columns);
    }
#pragma omp for schedule(dynamic)
    for (int64_t i = 0; i < panels_of(kernels, plan.wide) * plan.parts; ++i)
      task(i / plan.parts, i % plan.parts, packed);
    if (plan.parts > 1) {
#pragma omp for schedule(static)
      for (int64_t i = 0; i < count; ++i) {
        float sum = sums[i];
        for (int64_t part = 1; part < plan.parts; ++part) sum += sums[part * count + i];
        dw[i] = sum;
      }
    }
  }
}

}  // namespace rankine::cpu
