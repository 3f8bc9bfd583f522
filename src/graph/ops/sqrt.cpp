#include <cmath>

#include "graph/ops/ops.h"

namespace rankine {

constinit const OpDef sqrt_op = {
    .name = "sqrt",
    .infer = [](const Node& n) -> std::vector<Type> {
      check(n.input(0).dtype() == DType::f32, "sqrt is computed in f32, got ", n.input(0).type());
      return {n.input(0).type()};
    },
    .grad = [](const Node& n, std::span<const Value> dy) -> std::vector<Value> {
      return {div(scale(dy[0], 0.5), sqrt(n.input(0)))};
    },
    .reference =
        [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
          for (int64_t i = 0; i < out[0].count(); ++i) out[0][i] = std::sqrt(in[0][i]);
        },
    .in_place = {0, -1, -1},
};

Value sqrt(Value x) { return x.graph().add(sqrt_op, {x}); }

}  // namespace rankine
