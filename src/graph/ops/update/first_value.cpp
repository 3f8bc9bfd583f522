#include "graph/ops/ops.h"
#include "graph/ops/update/expression.h"
#include "graph/ops/update/update.h"

namespace rankine {

// The tensor as it was when training began: the first step takes every stride-th element of it, later steps keep the
// state.
// [state, value, step] -> state'.  state: f32 [ceil(count of value / stride)], step: f32 [], from 1
constinit const OpDef first_value_op = {
    .name = "first_value",
    .infer = [](const Node& n) -> std::vector<Type> {
      const int64_t stride = n.attributes().integer("stride"), kept = (n.input(1).type().count() + stride - 1) / stride;
      check(n.input(0).type() == Type{{kept}, DType::f32}, "state ", n.input(0).type(), " of a value ",
            n.input(1).type(), ", stride ", stride);
      check_scalars(n, 2, 3);
      return {n.input(0).type()};
    },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const int64_t stride = n.attributes().integer("stride");
          for (int64_t i = 0; i < out[0].count(); ++i) out[0][i] = in[2][0] == 1 ? in[1][i * stride] : in[0][i];
        },
    .decompose = [](const Node& n) -> std::vector<Value> {
      using namespace expression;
      const Value later = is_above(n.input(2), 1);
      return {where(later, n.input(0), every(n.input(1), n.attributes().integer("stride")))};
    },
    .in_place = {0, -1, -1},
};

}  // namespace rankine
