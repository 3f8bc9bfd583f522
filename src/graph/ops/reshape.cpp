#include "graph/ops/ops.h"

namespace rankine {

constinit const OpDef reshape_op = {
    .name = "reshape",
    .infer = [](const Node& n) -> std::vector<Type> {
      Type y{n.attributes().integers("shape"), n.input(0).dtype()};
      check(y.count() == n.input(0).type().count(), n.input(0).type(), " cannot be seen as ", as_text(y.shape));
      return {y};
    },
    .grad = [](const Node& n, std::span<const Value> dy) -> std::vector<Value> {
      return {reshape(dy[0], n.input(0).shape())};
    },
    .flops = [](const Node&) { return 0.0; },
    .reference = [](const Node& n, std::span<const HostTensor> in,
                    std::span<HostTensor> out) { out[0] = HostTensor(n.type().shape, in[0].data()); },
    .view = true,
};

Value reshape(Value x, Shape shape) {
  if (x.shape() == shape) return x;
  return x.graph().add(reshape_op, {x}, {{"shape", std::move(shape)}});
}

}  // namespace rankine
