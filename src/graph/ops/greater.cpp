#include "graph/ops/ops.h"
#include "graph/ops/shapes.h"

namespace rankine {

constinit const OpDef greater_op = {
    .name = "greater",
    .infer = [](const Node& n) -> std::vector<Type> {
      check(n.input(0).dtype() == DType::f32 && n.input(1).dtype() == DType::f32, "greater compares f32, got ",
            n.input(0).type(), " > ", n.input(1).type());
      check_broadcast(n.input(1).shape(), n.input(0).shape());
      return {n.input(0).type()};
    },
    .grad = [](const Node&, std::span<const Value>) -> std::vector<Value> {
      return {};
    },  // a step: flat almost everywhere
    .reference =
        [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
          for (int64_t i = 0; i < out[0].count(); ++i)
            out[0][i] = in[0][i] > in[1][broadcast_index(in[1].shape(), in[0].shape(), i)] ? 1 : 0;
        },
    .in_place = {0, -1, -1},
};

Value greater(Value a, Value b) { return a.graph().add(greater_op, {a, b}); }

}  // namespace rankine
