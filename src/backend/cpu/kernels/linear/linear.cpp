#include "backend/cpu/kernels/linear/linear.h"

#include <omp.h>

#include <algorithm>

#include "backend/cpu/processor.h"
#include "base/error.h"

namespace rankine::cpu {
namespace {

/// With fewer rows for each thread, threads share out the panels instead: each then reads a part of w only.
constexpr int64_t kLeastRowsOfThread = 96;
/// Cores are not equally fast: some share their time with other programs, or are of the small kind. A thread's share of
/// the rows is cut into this many blocks, if they have rows enough, which go to whoever is free.
constexpr int64_t kBlocksOfThread = 6, kLeastRowsOfBlock = 64;

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }
int64_t panels_of(const ProductKernels& k, int64_t columns) { return divide_up(columns, k.panel_columns); }
/// In words.
int64_t panel_size(const ProductKernels& k, int64_t depth) { return depth / k.depth_step * k.panel_columns; }
size_t packed_bytes(const ProductKernels& k, int64_t depth, int64_t columns) {
  return static_cast<size_t>(panels_of(k, columns) * panel_size(k, depth)) * sizeof(uint32_t);
}

/// The cut of rows, and the places of the parts of the working memory.
struct Plan {
  bool rows_of_threads;  ///< each thread has blocks of its own
  int64_t block_rows, blocks;
  size_t a, b, threads, of_thread, bytes;  ///< offsets in bytes, the last two sizes

  Plan(const ProductKernels& k, const LoraLinearShape& s, int threads_in) {
    const int64_t count = threads_in, each = divide_up(s.rows, count);
    rows_of_threads = each >= kLeastRowsOfThread;
    const int64_t for_balance = std::clamp<int64_t>(each / kLeastRowsOfBlock, 1, kBlocksOfThread);
    block_rows = rows_of_threads ? divide_up(each, std::max(divide_up(each, k.block_rows), for_balance))
                                 : std::min(s.rows, k.block_rows);
    blocks = divide_up(s.rows, block_rows);
    a = 0;
    b = a + aligned(packed_bytes(k, s.depth, s.rank));
    threads = b + aligned(packed_bytes(k, s.rank, s.columns));
    of_thread = aligned(static_cast<size_t>(block_rows * k.panel_columns) * sizeof(float));
    bytes = threads + of_thread * static_cast<size_t>(count);
  }
};

/// The parts of one call that its tasks share.
struct Call {
  const ProductKernels& kernels;
  const LoraLinearShape& shape;
  const LoraLinearOperands& o;
  const uint32_t *a, *b;

  const void* at(const void* data, int64_t element) const {
    return static_cast<const std::byte*>(data) + static_cast<size_t>(element) * kernels.element_bytes;
  }
  void* at(void* data, int64_t element) const {
    return static_cast<std::byte*>(data) + static_cast<size_t>(element) * kernels.element_bytes;
  }

  void low(int64_t begin, int64_t end, float* partial) const {
    for (int64_t panel = 0; panel < panels_of(kernels, shape.rank); ++panel) {
      const int64_t column = panel * kernels.panel_columns;
      kernels.multiply({.rows = end - begin,
                        .columns = std::min(kernels.panel_columns, shape.rank - column),
                        .x = at(o.x, begin * shape.depth),
                        .x_row = shape.depth,
                        .depth = shape.depth,
                        .w = a + panel * panel_size(kernels, shape.depth),
                        .low = nullptr,
                        .low_row = 0,
                        .low_depth = 0,
                        .b = nullptr,
                        .bias = nullptr,
                        .residual = nullptr,
                        .y = at(o.low, begin * shape.rank + column),
                        .y_row = shape.rank,
                        .partial = partial});
    }
  }

  void result(int64_t begin, int64_t end, int64_t panel, float* partial) const {
    const int64_t column = panel * kernels.panel_columns, first = begin * shape.columns + column;
    kernels.multiply({.rows = end - begin,
                      .columns = std::min(kernels.panel_columns, shape.columns - column),
                      .x = at(o.x, begin * shape.depth),
                      .x_row = shape.depth,
                      .depth = shape.depth,
                      .w = o.w + panel * panel_size(kernels, shape.depth),
                      .low = at(o.low, begin * shape.rank),
                      .low_row = shape.rank,
                      .low_depth = shape.rank,
                      .b = b + panel * panel_size(kernels, shape.rank),
                      .bias = o.bias ? o.bias + column : nullptr,
                      .residual = o.residual ? at(o.residual, first) : nullptr,
                      .y = at(o.y, first),
                      .y_row = shape.columns,
                      .partial = partial});
  }
};

const ProductKernels& kernels_for(DType dtype) {
  const ProductKernels* kernels = product_kernels(dtype);
  check(kernels != nullptr, "this processor has no product of our own for ", dtype);
  return *kernels;
}

}  // namespace

const ProductKernels* product_kernels(DType dtype) {
  const InstructionSet set = instruction_set();
  if (dtype == DType::bf16) return set >= InstructionSet::avx512_bf16 ? avx512_bf16_product() : nullptr;
  if (dtype != DType::f32) return nullptr;
  if (const ProductKernels* wide = set >= InstructionSet::avx512 ? avx512_product() : nullptr) return wide;
  return set >= InstructionSet::avx2 ? avx2_product() : nullptr;
}

bool lora_linear_supported(const LoraLinearShape& shape) {
  const ProductKernels* kernels = product_kernels(shape.dtype);
  return kernels && shape.depth % kernels->depth_step == 0 && shape.rank % kernels->depth_step == 0;
}

size_t packed_panel_bytes(DType dtype, int64_t depth, int64_t columns) {
  return packed_bytes(kernels_for(dtype), depth, columns);
}

void pack_panels(DType dtype, const ProductOperand& operand, uint32_t* packed) {
  const ProductKernels& kernels = kernels_for(dtype);
#pragma omp parallel for
  for (int64_t panel = 0; panel < panels_of(kernels, operand.columns); ++panel)
    kernels.pack(operand, panel, panel + 1, packed);
}

size_t lora_linear_scratch_bytes(const LoraLinearShape& shape, int threads) {
  return Plan(kernels_for(shape.dtype), shape, threads).bytes;
}

void lora_linear(const LoraLinearShape& shape, const LoraLinearOperands& operands, void* scratch, int threads) {
  const ProductKernels& kernels = kernels_for(shape.dtype);
  const Plan plan(kernels, shape, threads);
  auto* const base = static_cast<std::byte*>(scratch);
  auto* const a = reinterpret_cast<uint32_t*>(base + plan.a);
  auto* const b = reinterpret_cast<uint32_t*>(base + plan.b);
  const Call call{kernels, shape, operands, a, b};
  const int64_t panels = panels_of(kernels, shape.columns), rank_panels = panels_of(kernels, shape.rank);
#pragma omp parallel num_threads(threads)
  {
    const auto thread = static_cast<size_t>(omp_get_thread_num());
    auto* const partial = reinterpret_cast<float*>(base + plan.threads + thread * plan.of_thread);
#pragma omp for schedule(dynamic) nowait
    for (int64_t panel = 0; panel < rank_panels; ++panel) kernels.pack(operands.a, panel, panel + 1, a);
#pragma omp for schedule(dynamic)
    for (int64_t panel = 0; panel < (shape.rank > 0 ? panels : 0); ++panel)
      kernels.pack(operands.b, panel, panel + 1, b);
    if (plan.rows_of_threads) {
#pragma omp for schedule(dynamic)
      for (int64_t block = 0; block < plan.blocks; ++block) {
        const int64_t begin = block * plan.block_rows, end = std::min(begin + plan.block_rows, shape.rows);
        call.low(begin, end, partial);  // brings the rows of x near
        for (int64_t panel = 0; panel < panels; ++panel) call.result(begin, end, panel, partial);
      }
    } else {
      const int64_t chunk = std::min(plan.block_rows, divide_up(shape.rows, threads));
#pragma omp for schedule(dynamic)
      for (int64_t begin = 0; begin < shape.rows; begin += chunk)
        call.low(begin, std::min(begin + chunk, shape.rows), partial);
#pragma omp for schedule(dynamic)
      for (int64_t task = 0; task < panels * plan.blocks; ++task) {
        const int64_t begin = task % plan.blocks * plan.block_rows;
        call.result(begin, std::min(begin + plan.block_rows, shape.rows), task / plan.blocks, partial);
      }
    }
  }
}

}  // namespace rankine::cpu
