#include "graph/ops/ops.h"
#include "graph/ops/shapes.h"

namespace rankine {

// a - b; b's shape broadcasts to a's.
constinit const OpDef sub_op = {
    .name = "sub",
    .infer = [](const Node& n) -> std::vector<Type> {
      check(n.input(0).dtype() == n.input(1).dtype(), n.input(0).type(), " - ", n.input(1).type());
      check_broadcast(n.input(1).shape(), n.input(0).shape());
      return {n.input(0).type()};
    },
    .grad = [](const Node& n, std::span<const Value> dy) -> std::vector<Value> {
      return {dy[0], scale(cast(sum_to(dy[0], n.input(1).shape()), n.input(1).dtype()), -1)};
    },
    .reference =
        [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
          for (int64_t i = 0; i < out[0].count(); ++i)
            out[0][i] = in[0][i] - in[1][broadcast_index(in[1].shape(), in[0].shape(), i)];
        },
    .in_place = {0, -1, -1},
};

Value sub(Value a, Value b) { return a.graph().add(sub_op, {a, b}); }

}  // namespace rankine
