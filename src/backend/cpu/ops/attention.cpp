#include "backend/cpu/kernels/attention/attention.h"

#include <cmath>

#include "backend/cpu/ops/op_kernels.h"

namespace rankine::cpu {
namespace {

AttentionShape shape_of(const KernelContext& p) {
  const Shape &q = p.input_type(0).shape, &k = p.input_type(1).shape;
  const int64_t heads = p.attributes().integer("heads"), head_size = q[2] / heads;
  AttentionShape shape;
  shape.batch = q[0];
  shape.query_length = q[1];
  shape.key_length = k[1];
  shape.heads = heads;
  shape.head_size = head_size;
  shape.scale = 1.0f / std::sqrt(static_cast<float>(head_size));
  shape.causal = p.attributes().integer("causal") != 0;
  shape.query_stride = shape.output_stride = q[2];
  shape.key_stride = shape.value_stride = k[2];
  return shape;
}

AttentionScratch scratch_for(KernelContext& p, const AttentionShape& shape, bool backward) {
  const int threads = p.device().threads;
  const size_t bytes = attention_scratch_bytes(shape, p.input_type(0).dtype, backward, threads);
  return {p.scratch(bytes), bytes, threads};
}

}  // namespace

Launch prepare_attention(KernelContext& p) {
  const AttentionShape shape = shape_of(p);
  const AttentionScratch scratch = scratch_for(p, shape, false);
  return [=, dtype = p.input_type(0).dtype, q = p.input(0), k = p.input(1), v = p.input(2), out = p.output(0),
          lse = static_cast<float*>(p.output(1))] { attention_forward(shape, dtype, q, k, v, out, lse, scratch); };
}

Launch prepare_attention_grad(KernelContext& p) {
  const AttentionShape shape = shape_of(p);
  const AttentionScratch scratch = scratch_for(p, shape, true);
  return [=, dtype = p.input_type(0).dtype, q = p.input(0), k = p.input(1), v = p.input(2), out = p.input(3),
          lse = static_cast<const float*>(p.input(4)), dout = p.input(5), dq = p.output(0), dk = p.output(1),
          dv = p.output(2)] { attention_backward(shape, dtype, q, k, v, out, lse, dout, dq, dk, dv, scratch); };
}

}  // namespace rankine::cpu
