#include "backend/cpu/kernels/elementwise/elementwise.h"

#include "backend/cpu/kernels/elementwise/activation.h"
#include "backend/cpu/kernels/elementwise/geglu.h"
#include "backend/cpu/ops/broadcast.h"
#include "backend/cpu/ops/op_kernels.h"
#include "graph/ops/shapes.h"

namespace rankine::cpu {
namespace {

Launch prepare_binary(KernelContext& p, BinaryOp op) {
  const FoldedBroadcast pattern = fold_broadcast(p.node(), p.input_type(0).shape, p.input_type(1).shape);
  return [=, a = p.in(0), b = p.in(1), y = p.out()] { binary(op, pattern.kind, a, b, y, pattern.shape); };
}

Launch prepare_activation(KernelContext& p, Activation f) {
  return [=, x = p.in(0), y = p.out(), n = p.output_type().count()] { activation(f, x, y, n); };
}

Launch prepare_activation_grad(KernelContext& p, Activation f) {
  return [=, x = p.in(0), dy = p.in(1), dx = p.out(), n = p.output_type().count()] {
    activation_backward(f, x, dy, dx, n);
  };
}

}  // namespace

Launch prepare_add(KernelContext& p) { return prepare_binary(p, BinaryOp::add); }
Launch prepare_sub(KernelContext& p) { return prepare_binary(p, BinaryOp::sub); }
Launch prepare_mul(KernelContext& p) { return prepare_binary(p, BinaryOp::mul); }
Launch prepare_div(KernelContext& p) { return prepare_binary(p, BinaryOp::div); }

Launch prepare_scale(KernelContext& p) {
  const auto factor = static_cast<float>(p.attributes().real("factor"));
  return [=, x = p.in(0), y = p.out(), n = p.output_type().count()] { scale(factor, x, y, n); };
}

Launch prepare_cast(KernelContext& p) {
  return
      [x = p.input(0), from = p.input_type(0).dtype, y = p.out(), n = p.output_type().count()] { cast(x, from, y, n); };
}

Launch prepare_silu(KernelContext& p) { return prepare_activation(p, Activation::silu); }
Launch prepare_silu_grad(KernelContext& p) { return prepare_activation_grad(p, Activation::silu); }
Launch prepare_gelu(KernelContext& p) { return prepare_activation(p, Activation::gelu); }
Launch prepare_gelu_grad(KernelContext& p) { return prepare_activation_grad(p, Activation::gelu); }
Launch prepare_quick_gelu(KernelContext& p) { return prepare_activation(p, Activation::quick_gelu); }
Launch prepare_quick_gelu_grad(KernelContext& p) { return prepare_activation_grad(p, Activation::quick_gelu); }

Launch prepare_geglu(KernelContext& p) {
  const int64_t width = p.output_type().shape.back(), rows = rows_of(p.output_type().shape);
  return [=, x = p.in(0), y = p.out()] { geglu(x, y, rows, width); };
}

Launch prepare_geglu_grad(KernelContext& p) {
  const int64_t width = p.input_type(1).shape.back(), rows = rows_of(p.input_type(1).shape);
  return [=, x = p.in(0), dy = p.in(1), dx = p.out()] { geglu_backward(x, dy, dx, rows, width); };
}

Launch prepare_accumulate(KernelContext& p) {
  const auto* keep = static_cast<const float*>(p.input(2));
  return [=, sum = p.in(0), addend = p.in(1), y = p.out(), n = p.output_type().count()] {
    if (*keep != 0.0f) {
      binary(BinaryOp::add, Broadcast::none, sum, addend, y, {1, 1, n});
    } else {
      scale(1.0f, addend, y, n);
    }
  };
}

Launch with_residual(KernelContext& p, int residual, Primitive product) {
  if (residual < 0 || p.input(residual) == p.output()) return product;
  return [product = std::move(product), from = p.input(residual), to = p.output(),
          bytes = static_cast<int64_t>(p.output_type().bytes())] {
    copy_bytes(from, to, bytes);
    product();
  };
}

}  // namespace rankine::cpu
