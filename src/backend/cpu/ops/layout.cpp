#include <cstring>

#include <algorithm>

#include "backend/cpu/kernels/shape/rows.h"
#include "backend/cpu/kernels/shape/upsample.h"
#include "backend/cpu/ops/broadcast.h"
#include "backend/cpu/ops/op_kernels.h"
#include "graph/ops/shapes.h"

namespace rankine::cpu {

Launch prepare_nothing(KernelContext&) { return {}; }

Launch prepare_assign(KernelContext& p) {
  if (p.assigned_in_place()) return {};
  return [from = p.input(1), to = p.input(0), bytes = static_cast<int64_t>(p.output_type().bytes())] {
    copy_bytes(from, to, bytes);
  };
}

Launch prepare_concat(KernelContext& p) {
  struct Part {
    const void* from;
    int64_t bytes, offset;  // of one row
  };
  const int64_t axis = p.attributes().integer("axis");
  const AxisView y(p.output_type().shape, axis);
  const auto element = static_cast<int64_t>(size_of(p.output_type().dtype));
  std::vector<Part> parts;
  int64_t offset = 0;
  for (int i = 0; i < static_cast<int>(p.node().inputs().size()); ++i) {
    const int64_t bytes = AxisView(p.input_type(i).shape, axis).size * y.inner * element;
    parts.push_back({p.input(i), bytes, offset});
    offset += bytes;
  }
  return [=, to = static_cast<std::byte*>(p.output()), parts = std::move(parts), row = offset] {
    for (const Part& part : parts) copy_rows(part.from, part.bytes, to + part.offset, row, part.bytes, y.outer);
  };
}

Launch prepare_slice(KernelContext& p) {
  const AxisView x(p.input_type(0).shape, p.attributes().integer("axis"));
  const int64_t unit = x.inner * static_cast<int64_t>(size_of(p.output_type().dtype));
  const int64_t begin = p.attributes().integer("begin") * unit, bytes = p.attributes().integer("end") * unit - begin;
  return [=, from = static_cast<const std::byte*>(p.input(0)), to = p.output()] {
    copy_rows(from + begin, x.size * unit, to, bytes, bytes, x.outer);
  };
}

Launch prepare_fill(KernelContext& p) {
  const auto value = static_cast<float>(p.attributes().real("value"));
  return [=, y = p.out(), n = p.output_type().count()] { fill(y, value, n); };
}

// 0 * y + x would read y's old content, so the sum starts from zeros.
Launch prepare_expand(KernelContext& p) {
  const FoldedBroadcast b = fold_broadcast(p.node(), p.output_type().shape, p.input_type(0).shape);
  return [=, x = p.in(0), y = p.out()] {
    fill(y, 0.0f, b.shape.count());
    binary(BinaryOp::add, b.kind, In{y.data, y.dtype}, x, y, b.shape);
  };
}

namespace {

UpsampleShape upsample_shape(const Shape& small, const Shape& large) {
  return {small[0], small[1], small[2], large[1], large[2], small[3]};
}

}  // namespace

Launch prepare_upsample_nearest(KernelContext& p) {
  const UpsampleShape shape = upsample_shape(p.input_type(0).shape, p.output_type().shape);
  return [=, x = p.in(0), y = p.out()] { upsample_nearest(x, y, shape); };
}

Launch prepare_upsample_nearest_grad(KernelContext& p) {
  const UpsampleShape shape = upsample_shape(p.output_type().shape, p.input_type(0).shape);
  return [=, dy = p.in(0), dx = p.out()] { upsample_nearest_backward(dy, dx, shape); };
}

Launch prepare_embedding(KernelContext& p) {
  const int64_t rows = p.input_type(0).shape[0], count = p.input_type(1).count();
  const auto bytes = p.input_type(0).shape[1] * static_cast<int64_t>(size_of(p.output_type().dtype));
  return [=, table = p.input(0), ids = static_cast<const int32_t*>(p.input(1)), y = p.output()] {
    gather_rows(table, rows, ids, y, bytes, count);
  };
}

Launch prepare_embedding_grad(KernelContext& p) {
  const int64_t rows = p.output_type().shape[0], width = p.output_type().shape[1], count = p.input_type(0).count();
  return [=, ids = static_cast<const int32_t*>(p.input(0)), dy = p.in(1), table = static_cast<float*>(p.output())] {
    fill(table, 0.0f, rows * width);
    scatter_add_rows(dy, ids, table, rows, width, count);
  };
}

Launch prepare_timestep_embedding(KernelContext& p) {
  return [t = static_cast<const float*>(p.input(0)), y = static_cast<float*>(p.output()),
          count = p.output_type().shape[0], dim = p.output_type().shape[1]] { timestep_embedding(t, y, count, dim); };
}

Launch prepare_first_match(KernelContext& p) {
  const int64_t length = p.input_type(0).shape.back(), count = p.input_type(0).count();
  const auto wanted = static_cast<int32_t>(p.attributes().integer("id"));
  return [=, ids = static_cast<const int32_t*>(p.input(0)), y = static_cast<float*>(p.output())] {
    fill(y, 0.0f, count);
    for (int64_t row = 0; row < count; row += length) {
      const int32_t* const end = ids + row + length;
      const int32_t* const found = std::find(ids + row, end, wanted);
      if (found != end) y[found - ids] = 1.0f;
    }
  };
}

}  // namespace rankine::cpu
