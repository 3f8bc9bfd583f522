#include "graph/ops/ops.h"

namespace rankine {

constinit const OpDef first_match_op = {
    .name = "first_match",
    .infer = [](const Node& n) -> std::vector<Type> {
      check(n.input(0).dtype() == DType::i32 && n.input(0).rank() > 0, "first_match looks through i32, got ",
            n.input(0).type());
      return {{n.input(0).shape(), DType::f32}};
    },
    .grad = [](const Node&, std::span<const Value>) -> std::vector<Value> { return {}; },  // ids have no gradient
    .flops = [](const Node&) { return 0.0; },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const int64_t length = in[0].dim(-1), wanted = n.attributes().integer("id");
          for (int64_t row = 0; row < in[0].count(); row += length)
            for (int64_t i = row; i < row + length; ++i)
              if (static_cast<int64_t>(in[0][i]) == wanted) {
                out[0][i] = 1;
                break;
              }
        },
};

Value first_match(Value ids, int64_t id) { return ids.graph().add(first_match_op, {ids}, {{"id", id}}); }

}  // namespace rankine
