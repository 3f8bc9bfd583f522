#include "graph/ops/ops.h"

namespace rankine {

constinit const OpDef mean_op = {
    .name = "mean",
    .infer = [](const Node&) -> std::vector<Type> {
      return {{{}, DType::f32}};
    },
    .grad = [](const Node& n, std::span<const Value> dy) -> std::vector<Value> {
      const Type& x = n.input(0).type();
      return {expand(cast(scale(dy[0], 1.0 / static_cast<double>(x.count())), x.dtype), x.shape)};
    },
    .flops = [](const Node& n) { return static_cast<double>(n.input(0).type().count()); },
    .reference =
        [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
          double sum = 0;
          for (const double x : in[0].data()) sum += x;
          out[0][0] = sum / static_cast<double>(in[0].count());
        },
};

Value mean(Value x) { return x.graph().add(mean_op, {x}); }

}  // namespace rankine
