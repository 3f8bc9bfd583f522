#include "graph/ops/ops.h"

namespace rankine {

constinit const OpDef cast_op = {
    .name = "cast",
    .infer = [](const Node& n) -> std::vector<Type> {
      return {{n.input(0).shape(), static_cast<DType>(n.attributes().integer("dtype"))}};
    },
    .grad = [](const Node& n, std::span<const Value> dy) -> std::vector<Value> {
      return {cast(dy[0], n.input(0).dtype())};
    },
    .reference = [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) { out[0] = in[0]; },
};

Value cast(Value x, DType dtype) {
  if (x.dtype() == dtype) return x;
  return x.graph().add(cast_op, {x}, {{"dtype", static_cast<int64_t>(dtype)}});
}

}  // namespace rankine
