#include "graph/ops/ops.h"
#include "graph/ops/shapes.h"

namespace rankine {

constinit const OpDef slice_op = {
    .name = "slice",
    .infer = [](const Node& n) -> std::vector<Type> {
      const auto axis = static_cast<size_t>(n.attributes().integer("axis"));
      const int64_t begin = n.attributes().integer("begin"), end = n.attributes().integer("end");
      Type y = n.input(0).type();
      check(axis < y.shape.size() && 0 <= begin && begin < end && end <= y.shape[axis], "elements ", begin, " to ", end,
            " along axis ", axis, " of ", n.input(0).type());
      y.shape[axis] = end - begin;
      return {y};
    },
    .grad = [](const Node& n, std::span<const Value> dy) -> std::vector<Value> {
      const auto axis = static_cast<int>(n.attributes().integer("axis"));
      const Value x = n.input(0);
      std::vector<Value> parts;
      const auto zeros = [&](int64_t size) {
        if (size == 0) return;
        Type type{x.shape(), dy[0].dtype()};
        type.shape[static_cast<size_t>(axis)] = size;
        parts.push_back(fill(x.graph(), type, 0.0));
      };
      zeros(n.attributes().integer("begin"));
      parts.push_back(dy[0]);
      zeros(x.dim(axis) - n.attributes().integer("end"));
      return {parts.size() == 1 ? parts[0] : concat(parts, axis)};
    },
    .flops = [](const Node&) { return 0.0; },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const AxisView x(in[0].shape(), n.attributes().integer("axis"));
          const int64_t begin = n.attributes().integer("begin"), size = n.attributes().integer("end") - begin;
          for (int64_t o = 0; o < x.outer; ++o)
            for (int64_t i = 0; i < size * x.inner; ++i)
              out[0][o * size * x.inner + i] = in[0][(o * x.size + begin) * x.inner + i];
        },
};

Value slice(Value x, int axis, int64_t begin, int64_t end) {
  if (axis < 0) axis += x.rank();
  if (begin == 0 && end == x.dim(axis)) return x;
  return x.graph().add(slice_op, {x}, {{"axis", static_cast<int64_t>(axis)}, {"begin", begin}, {"end", end}});
}

}  // namespace rankine
