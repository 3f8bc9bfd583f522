#include "graph/ops/ops.h"

namespace rankine {

// [condition, a, b] -> a where the condition is not 0, else b.  condition and b: a's shape, or one number.
constinit const OpDef where_op = {
    .name = "where",
    .infer = [](const Node& n) -> std::vector<Type> {
      const Type& a = n.input(1).type();
      for (const int i : {0, 2}) {
        const Type& t = n.input(i).type();
        check(a.dtype == DType::f32 && t.dtype == DType::f32 && (t.shape == a.shape || t.count() == 1), "condition ",
              n.input(0).type(), ", values ", a, " and ", n.input(2).type());
      }
      return {a};
    },
    .grad = [](const Node& n, std::span<const Value> dy) -> std::vector<Value> {
      const Value condition = n.input(0), zero = fill(n.graph(), {{}, DType::f32}, 0.0);
      const Value db = sub(dy[0], where(condition, dy[0], zero));
      return {{},
              where(condition, dy[0], zero),
              reshape(sum_to(db, n.input(2).type().count() == 1 ? Shape{} : db.shape()), n.input(2).shape())};
    },
    .reference =
        [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const auto at = [](const HostTensor& x, int64_t i) { return x.count() == 1 ? x[0] : x[i]; };
          for (int64_t i = 0; i < out[0].count(); ++i) out[0][i] = at(in[0], i) != 0 ? in[1][i] : at(in[2], i);
        },
    .in_place = {1, -1, -1},
};

Value where(Value condition, Value a, Value b) { return a.graph().add(where_op, {condition, a, b}); }

}  // namespace rankine
