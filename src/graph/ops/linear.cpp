#include "graph/ops/ops.h"
#include "graph/ops/shapes.h"

namespace rankine {
namespace {

double product_flops(const Value& x, const Value& w) {
  return 2.0 * static_cast<double>(rows_of(x.shape())) * static_cast<double>(w.type().count());
}

void check_residual(const Node& n, int index, const Type& y) {
  if (static_cast<int>(n.inputs().size()) > index && n.input(index))
    check(n.input(index).type() == y, "the residual is ", n.input(index).type(), ", the result ", y);
}

}  // namespace

// y = x w^T + bias + residual.   x: [..., K], w: [N, K], bias: f32 [N] -> y: [..., N]
constinit const OpDef linear_op = {
    .name = "linear",
    .infer = [](const Node& n) -> std::vector<Type> {
      const Type &x = n.input(0).type(), &w = n.input(1).type();
      check(!x.shape.empty() && w.shape.size() == 2 && x.shape.back() == w.shape[1] && x.dtype == w.dtype, "input ", x,
            " does not fit weight ", w);
      if (n.input(2))
        check(n.input(2).type() == Type{{w.shape[0]}, DType::f32}, "bias is ", n.input(2).type(), " for weight ", w);
      Type y = x;
      y.shape.back() = w.shape[0];
      check_residual(n, linear_residual, y);
      return {y};
    },
    .grad = [](const Node& n, std::span<const Value> dy) -> std::vector<Value> {
      const Value x = n.input(0), w = n.input(1), bias = n.input(2);
      return {n.graph().add(linear_grad_x_op, {dy[0], w, {}}), n.graph().add(linear_grad_w_op, {x, dy[0]}),
              bias ? sum_to(dy[0], bias.shape()) : Value{}, dy[0]};
    },
    .flops = [](const Node& n) { return product_flops(n.input(0), n.input(1)); },
    .reference =
        [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const HostTensor &x = in[0], &w = in[1], &bias = in[2], &residual = in[3];
          const int64_t K = w.dim(1), N = w.dim(0), rows = x.count() / K;
#pragma omp parallel for
          for (int64_t r = 0; r < rows; ++r)
            for (int64_t o = 0; o < N; ++o) {
              double sum = bias.empty() ? 0.0 : bias[o];
              for (int64_t k = 0; k < K; ++k) sum += x[r * K + k] * w[o * K + k];
              out[0][r * N + o] = sum + (residual.empty() ? 0.0 : residual[r * N + o]);
            }
        },
    .in_place = {linear_residual, -1, -1},
};

// dx = dy w + residual.   dy: [..., N], w: [N, K] -> dx: [..., K]
constinit const OpDef linear_grad_x_op = {
    .name = "linear_grad_x",
    .infer = [](const Node& n) -> std::vector<Type> {
      const Type &dy = n.input(0).type(), &w = n.input(1).type();
      check(dy.shape.back() == w.shape[0] && dy.dtype == w.dtype, "gradient ", dy, " does not fit weight ", w);
      Type dx = dy;
      dx.shape.back() = w.shape[1];
      check_residual(n, linear_grad_x_residual, dx);
      return {dx};
    },
    .flops = [](const Node& n) { return product_flops(n.input(0), n.input(1)); },
    .reference =
        [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const HostTensor &dy = in[0], &w = in[1], &residual = in[2];
          const int64_t N = w.dim(0), K = w.dim(1), rows = dy.count() / N;
          if (!residual.empty()) out[0] = residual;
#pragma omp parallel for
          for (int64_t r = 0; r < rows; ++r)
            for (int64_t o = 0; o < N; ++o)
              for (int64_t k = 0; k < K; ++k) out[0][r * K + k] += dy[r * N + o] * w[o * K + k];
        },
    .in_place = {linear_grad_x_residual, -1, -1},
};

// dw = dy^T x, in f32, because it is the gradient of a master weight.   x: [..., K], dy: [..., N] -> dw: [N, K]
constinit const OpDef linear_grad_w_op = {
    .name = "linear_grad_w",
    .infer = [](const Node& n) -> std::vector<Type> {
      const Type &x = n.input(0).type(), &dy = n.input(1).type();
      check(rows_of(x.shape) == rows_of(dy.shape) && x.dtype == dy.dtype, "input ", x, " does not fit gradient ", dy);
      return {{{dy.shape.back(), x.shape.back()}, DType::f32}};
    },
    .flops =
        [](const Node& n) {
          return 2.0 * static_cast<double>(n.input(0).type().count()) * static_cast<double>(n.input(1).dim(-1));
        },
    .reference =
        [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const HostTensor &x = in[0], &dy = in[1];
          const int64_t K = x.dim(-1), N = dy.dim(-1), rows = x.count() / K;
#pragma omp parallel for
          for (int64_t o = 0; o < N; ++o)
            for (int64_t r = 0; r < rows; ++r)
              for (int64_t k = 0; k < K; ++k) out[0][o * K + k] += dy[r * N + o] * x[r * K + k];
        },
};

Value linear(Value x, Value w, Value bias) { return x.graph().add(linear_op, {x, w, bias, {}}); }

}  // namespace rankine
