#include "graph/ops/ops.h"
#include "graph/ops/shapes.h"

namespace rankine {

constinit const OpDef concat_op = {
    .name = "concat",
    .infer = [](const Node& n) -> std::vector<Type> {
      const auto axis = static_cast<size_t>(n.attributes().integer("axis"));
      Type y = n.input(0).type();
      y.shape[axis] = 0;
      for (const Value& x : n.inputs()) {
        Shape rest = x.shape();
        check(x.dtype() == y.dtype && rest.size() == y.shape.size(), "joins ", n.input(0).type(), " and ", x.type());
        y.shape[axis] += rest[axis];
        rest[axis] = y.shape[axis];
        check(rest == y.shape, "joins ", n.input(0).type(), " and ", x.type(), " along axis ", axis);
      }
      return {y};
    },
    .grad = [](const Node& n, std::span<const Value> dy) -> std::vector<Value> {
      const auto axis = static_cast<int>(n.attributes().integer("axis"));
      std::vector<Value> dx;
      int64_t begin = 0;
      for (const Value& x : n.inputs()) {
        dx.push_back(slice(dy[0], axis, begin, begin + x.dim(axis)));
        begin += x.dim(axis);
      }
      return dx;
    },
    .flops = [](const Node&) { return 0.0; },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const AxisView y(out[0].shape(), n.attributes().integer("axis"));
          int64_t begin = 0;
          for (const HostTensor& x : in) {
            const AxisView v(x.shape(), n.attributes().integer("axis"));
            for (int64_t o = 0; o < v.outer; ++o)
              for (int64_t i = 0; i < v.size * v.inner; ++i)
                out[0][(o * y.size + begin) * y.inner + i] = x[o * v.size * v.inner + i];
            begin += v.size;
          }
        },
};

Value concat(const std::vector<Value>& values, int axis) {
  if (axis < 0) axis += values[0].rank();
  return values[0].graph().add(concat_op, values, {{"axis", static_cast<int64_t>(axis)}});
}

}  // namespace rankine
