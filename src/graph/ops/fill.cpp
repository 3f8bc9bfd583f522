#include "graph/ops/ops.h"

namespace rankine {

constinit const OpDef fill_op = {
    .name = "fill",
    .infer = [](const Node& n) -> std::vector<Type> {
      return {{n.attributes().integers("shape"), static_cast<DType>(n.attributes().integer("dtype"))}};
    },
    .grad = [](const Node&, std::span<const Value>) -> std::vector<Value> { return {}; },
    .flops = [](const Node&) { return 0.0; },
    .reference =
        [](const Node& n, std::span<const HostTensor>, std::span<HostTensor> out) {
          for (double& value : out[0].data()) value = n.attributes().real("value");
        },
};

Value fill(Graph& graph, Type type, double value) {
  return graph.add(fill_op, {},
                   {{"dtype", static_cast<int64_t>(type.dtype)}, {"shape", std::move(type.shape)}, {"value", value}});
}

}  // namespace rankine
