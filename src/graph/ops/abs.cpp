#include <cmath>

#include "graph/ops/elementwise.h"
#include "graph/ops/ops.h"

namespace rankine {

constinit const OpDef abs_op = {
    .name = "abs",
    .infer = [](const Node& n) -> std::vector<Type> {
      check(n.input(0).dtype() == DType::f32, "abs is computed in f32, got ", n.input(0).type());
      return {n.input(0).type()};
    },
    .grad = [](const Node& n, std::span<const Value> dy) -> std::vector<Value> {
      return {n.graph().add(abs_grad_op, {n.input(0), dy[0]})};
    },
    .reference =
        [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
          for (int64_t i = 0; i < out[0].count(); ++i) out[0][i] = std::fabs(in[0][i]);
        },
};

// [x, dy] -> dx; 0 where x is 0.
constinit const OpDef abs_grad_op = {
    .name = "abs_grad",
    .infer = same_type,
    .reference =
        [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
          for (int64_t i = 0; i < out[0].count(); ++i)
            out[0][i] = in[0][i] > 0 ? in[1][i] : in[0][i] < 0 ? -in[1][i] : 0.0;
        },
};

Value abs(Value x) { return x.graph().add(abs_op, {x}); }

}  // namespace rankine
