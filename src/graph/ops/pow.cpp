#include <cmath>

#include "graph/ops/ops.h"
#include "graph/ops/shapes.h"

namespace rankine {

// Optimiser updates use it for bias corrections, which are never differentiated, so it has no gradient rule.
constinit const OpDef pow_op = {
    .name = "pow",
    .infer = [](const Node& n) -> std::vector<Type> {
      check(n.input(0).dtype() == DType::f32 && n.input(1).dtype() == DType::f32, "pow is computed in f32, got ",
            n.input(0).type(), " to the power of ", n.input(1).type());
      check_broadcast(n.input(1).shape(), n.input(0).shape());
      return {n.input(0).type()};
    },
    .flops = [](const Node& n) { return 20.0 * static_cast<double>(n.type().count()); },
    .reference =
        [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
          for (int64_t i = 0; i < out[0].count(); ++i)
            out[0][i] = std::pow(in[0][i], in[1][broadcast_index(in[1].shape(), in[0].shape(), i)]);
        },
    .in_place = {0, -1, -1},
};

Value pow(Value base, Value exponent) { return base.graph().add(pow_op, {base, exponent}); }

}  // namespace rankine
