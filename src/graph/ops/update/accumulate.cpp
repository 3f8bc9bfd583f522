#include "graph/ops/elementwise.h"
#include "graph/ops/ops.h"
#include "graph/ops/update/expression.h"

namespace rankine {

// The old sum is selected rather than multiplied by 0, because it may be infinite.
constinit const OpDef accumulate_op = {
    .name = "accumulate",
    .infer = [](const Node& n) -> std::vector<Type> {
      check(n.input(0).type() == n.input(1).type() && n.input(2).type() == Type{{}, DType::f32}, "sum ",
            n.input(0).type(), ", addend ", n.input(1).type(), ", keep ", n.input(2).type());
      return {n.input(0).type()};
    },
    .reference =
        [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
          for (int64_t i = 0; i < out[0].count(); ++i) out[0][i] = (in[2][0] != 0.0 ? in[0][i] : 0.0) + in[1][i];
        },
    .decompose = [](const Node& n) -> std::vector<Value> {
      using namespace expression;
      const Value sum = n.input(0), keep = n.input(2);
      return {add(where(keep, sum, number(n.graph(), 0)), n.input(1))};
    },
    .in_place = {0, -1, -1},
};

Value accumulate(Value sum, Value addend, Value keep) { return sum.graph().add(accumulate_op, {sum, addend, keep}); }

}  // namespace rankine
