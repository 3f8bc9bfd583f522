#include "graph/ops/ops.h"
#include "graph/ops/shapes.h"

namespace rankine {

constinit const OpDef expand_op = {
    .name = "expand",
    .infer = [](const Node& n) -> std::vector<Type> {
      check_broadcast(n.input(0).shape(), n.attributes().integers("shape"));
      return {{n.attributes().integers("shape"), n.input(0).dtype()}};
    },
    .grad = [](const Node& n, std::span<const Value> dy) -> std::vector<Value> {
      return {sum_to(dy[0], n.input(0).shape())};
    },
    .flops = [](const Node&) { return 0.0; },
    .reference =
        [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
          for (int64_t i = 0; i < out[0].count(); ++i)
            out[0][i] = in[0][broadcast_index(in[0].shape(), out[0].shape(), i)];
        },
};

// The result is f32: a sum over many elements is the gradient of a small tensor (a bias, a shift).
constinit const OpDef sum_to_op = {
    .name = "sum_to",
    .infer = [](const Node& n) -> std::vector<Type> {
      check_broadcast(n.attributes().integers("shape"), n.input(0).shape());
      return {{n.attributes().integers("shape"), DType::f32}};
    },
    .grad = [](const Node& n, std::span<const Value> dy) -> std::vector<Value> {
      return {expand(cast(dy[0], n.input(0).dtype()), n.input(0).shape())};
    },
    .flops = [](const Node& n) { return static_cast<double>(n.input(0).type().count()); },
    .reference =
        [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
          for (int64_t i = 0; i < in[0].count(); ++i)
            out[0][broadcast_index(out[0].shape(), in[0].shape(), i)] += in[0][i];
        },
};

Value expand(Value x, Shape shape) {
  if (x.shape() == shape) return x;
  return x.graph().add(expand_op, {x}, {{"shape", std::move(shape)}});
}

Value sum_to(Value x, Shape shape) {
  if (x.shape() == shape) return x;
  return x.graph().add(sum_to_op, {x}, {{"shape", std::move(shape)}});
}

}  // namespace rankine
