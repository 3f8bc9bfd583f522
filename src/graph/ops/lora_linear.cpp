#include "graph/ops/ops.h"
#include "graph/ops/shapes.h"

// A frozen linear layer with its LoRA (Hu et al. 2021, arXiv:2106.09685) as one op, so that a device reads x and writes
// y once. The fuse_lora pass makes these nodes; `up` already includes the scale.
namespace rankine {
namespace {

double flops_of(const Node& n) {
  const double rows = static_cast<double>(rows_of(n.type(0).shape));
  double weights = 0;
  for (const int i : {1, lora_linear_down, lora_linear_up}) weights += static_cast<double>(n.input(i).type().count());
  return 2.0 * rows * weights;
}

/// The types of [result, low] for a product of `columns` columns and a low product of `rank` columns.
std::vector<Type> types_of(const Node& n, int64_t columns, int64_t rank) {
  Type y = n.input(0).type(), low = y;
  y.shape.back() = columns;
  low.shape.back() = rank;
  if (n.input(lora_linear_residual))
    check(n.input(lora_linear_residual).type() == y, "the residual is ", n.input(lora_linear_residual).type(),
          ", the result ", y);
  return {y, low};
}

void check_matrices(const Node& n) {
  const Type &w = n.input(1).type(), &down = n.input(lora_linear_down).type(), &up = n.input(lora_linear_up).type();
  check(w.shape.size() == 2 && down.shape.size() == 2 && up.shape.size() == 2 && down.shape[1] == w.shape[1] &&
            up.shape[0] == w.shape[0] && up.shape[1] == down.shape[0] && w.dtype == down.dtype && w.dtype == up.dtype &&
            w.dtype == n.input(0).dtype(),
        "LoRA ", down, ", ", up, " does not fit weight ", w, " and input ", n.input(0).type());
}

/// result = in m. `transposed` says that m is stored as [columns, depth], not [depth, columns].
HostTensor product(const HostTensor& in, const HostTensor& m, bool transposed, Shape shape) {
  const int64_t depth = in.dim(-1), columns = shape.back(), rows = in.count() / depth;
  HostTensor result(std::move(shape));
#pragma omp parallel for
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t k = 0; k < depth; ++k)
      for (int64_t c = 0; c < columns; ++c)
        result[r * columns + c] += in[r * depth + k] * (transposed ? m[c * depth + k] : m[k * columns + c]);
  return result;
}

/// Computes [result, low] for both ops. `first` and `second` are the inputs that hold the factors of the low product.
void reference(std::span<const HostTensor> in, std::span<HostTensor> out, bool transposed, int first, int second) {
  const HostTensor low = product(in[0], in[static_cast<size_t>(first)], transposed, out[1].shape());
  const HostTensor main = product(in[0], in[1], transposed, out[0].shape());
  const HostTensor delta = product(low, in[static_cast<size_t>(second)], transposed, out[0].shape());
  const HostTensor &bias = in[2], &residual = in[lora_linear_residual];
  const int64_t columns = out[0].dim(-1);
  for (int64_t i = 0; i < out[0].count(); ++i)
    out[0][i] = main[i] + delta[i] + (bias.empty() ? 0.0 : bias[i % columns]) + (residual.empty() ? 0.0 : residual[i]);
  out[1] = low;
}

}  // namespace

// low = x down^T, y = x w^T + low up^T + bias + residual.   x: [..., K], w: [N, K], bias: f32 [N], down: [r, K],
// up: [N, r] -> y: [..., N], low: [..., r]
constinit const OpDef lora_linear_op = {
    .name = "lora_linear",
    .infer = [](const Node& n) -> std::vector<Type> {
      check_matrices(n);
      const Type &x = n.input(0).type(), &w = n.input(1).type();
      check(!x.shape.empty() && x.shape.back() == w.shape[1], "input ", x, " does not fit weight ", w);
      if (n.input(2))
        check(n.input(2).type() == Type{{w.shape[0]}, DType::f32}, "bias is ", n.input(2).type(), " for weight ", w);
      return types_of(n, w.shape[0], n.input(lora_linear_down).dim(0));
    },
    .flops = flops_of,
    .reference = [](const Node&, std::span<const HostTensor> in,
                    std::span<HostTensor> out) { reference(in, out, true, lora_linear_down, lora_linear_up); },
    .in_place = {lora_linear_residual, -1, -1},
};

// dlow = dy up, dx = dy w + dlow down + residual.   dy: [..., N] -> dx: [..., K], dlow: [..., r]
constinit const OpDef lora_linear_grad_x_op = {
    .name = "lora_linear_grad_x",
    .infer = [](const Node& n) -> std::vector<Type> {
      check_matrices(n);
      const Type &dy = n.input(0).type(), &w = n.input(1).type();
      check(!n.input(2) && dy.shape.back() == w.shape[0], "gradient ", dy, " does not fit weight ", w);
      return types_of(n, w.shape[1], n.input(lora_linear_down).dim(0));
    },
    .flops = flops_of,
    .reference = [](const Node&, std::span<const HostTensor> in,
                    std::span<HostTensor> out) { reference(in, out, false, lora_linear_up, lora_linear_down); },
    .in_place = {lora_linear_residual, -1, -1},
};

}  // namespace rankine
