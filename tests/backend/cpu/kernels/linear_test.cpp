#include "backend/cpu/kernels/linear/linear.h"

#include <doctest/doctest.h>

#include "backend/cpu/kernels/support.h"

namespace rankine::cpu {
namespace {

using test::Buffer;
using test::Scratch;

struct Layer {
  Buffer y, low;
  bool operator==(const Layer&) const = default;
};

Layer layer(const LoraLinearShape& s, int threads) {
  const Buffer x = Buffer::random(s.dtype, s.rows * s.depth, 1), w = Buffer::random(s.dtype, s.columns * s.depth, 2),
               a = Buffer::random(s.dtype, s.rank * s.depth, 3), b = Buffer::random(s.dtype, s.columns * s.rank, 4);
  Scratch packed(packed_panel_bytes(s.dtype, s.depth, s.columns)), scratch(lora_linear_scratch_bytes(s, threads));
  pack_panels(s.dtype, {w.in().data, s.depth, s.columns, true, s.depth}, static_cast<uint32_t*>(packed.data()));
  Layer results{{s.dtype, s.rows * s.columns}, {s.dtype, s.rows * s.rank}};
  lora_linear(s,
              {.x = x.in().data,
               .w = static_cast<const uint32_t*>(packed.data()),
               .a = {a.in().data, s.depth, s.rank, true, s.depth},
               .b = {b.in().data, s.rank, s.columns, true, s.rank},
               .bias = nullptr,
               .residual = nullptr,
               .y = results.y.out().data,
               .low = results.low.out().data},
              scratch.data(), threads);
  CHECK(packed.guard_intact());
  CHECK(scratch.guard_intact());
  return results;
}

Buffer gradient(const LoraGradShape& s, int threads) {
  const Buffer x = Buffer::random(s.dtype, s.rows * s.inputs, 1), dy = Buffer::random(s.dtype, s.rows * s.outputs, 2);
  Scratch scratch(lora_grad_w_scratch_bytes(s, threads));
  Buffer dw(DType::f32, s.inputs * s.outputs);
  lora_grad_w(s, x.in().data, dy.in().data, dw.f32(), scratch.data(), threads);
  CHECK(scratch.guard_intact());
  return dw;
}

}  // namespace

TEST_CASE("a layer with its LoRA, and the gradient of one, have the same bits however many threads share the work") {
  for (const DType dtype : test::product_types) {
    // By blocks of rows, and, with few rows for each thread, by panels of columns.
    for (const int64_t rows : {1150, 154, 6}) {
      const LoraLinearShape shape{rows, 334, 150, 20, dtype};
      if (!lora_linear_supported(shape)) continue;
      const Layer alone = layer(shape, 1);
      for (const int threads : {2, 3, 7}) CHECK(layer(shape, threads) == alone);
    }
    for (const LoraGradShape& shape : {LoraGradShape{1600, 334, 20, dtype}, LoraGradShape{1600, 20, 334, dtype}}) {
      if (!lora_grad_w_supported(shape)) continue;
      const Buffer alone = gradient(shape, 1);
      for (const int threads : {2, 3, 7}) CHECK(gradient(shape, threads) == alone);
    }
  }
}

}  // namespace rankine::cpu
