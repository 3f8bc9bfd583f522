#include "graph/ops/ops.h"

namespace rankine {

constinit const OpDef scale_op = {
    .name = "scale",
    .infer = [](const Node& n) -> std::vector<Type> { return {n.input(0).type()}; },
    .grad = [](const Node& n, std::span<const Value> dy) -> std::vector<Value> {
      return {scale(dy[0], n.attributes().real("factor"))};
    },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const double factor = n.attributes().real("factor");
          for (int64_t i = 0; i < out[0].count(); ++i) out[0][i] = in[0][i] * factor;
        },
    .in_place = {0, -1, -1},
};

Value scale(Value x, double factor) {
  if (factor == 1.0) return x;
  return x.graph().add(scale_op, {x}, {{"factor", factor}});
}

}  // namespace rankine
