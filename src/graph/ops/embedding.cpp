#include "graph/ops/ops.h"

namespace rankine {

constinit const OpDef embedding_op = {
    .name = "embedding",
    .infer = [](const Node& n) -> std::vector<Type> {
      const Type &table = n.input(0).type(), &ids = n.input(1).type();
      check(table.shape.size() == 2 && ids.dtype == DType::i32, "rows of ", table, " cannot be chosen by ", ids);
      Type y{ids.shape, table.dtype};
      y.shape.push_back(table.shape[1]);
      return {y};
    },
    .grad = [](const Node& n, std::span<const Value> dy) -> std::vector<Value> {
      return {n.graph().add(embedding_grad_op, {n.input(1), dy[0]}, {{"rows", n.input(0).dim(0)}}), {}};
    },
    .flops = [](const Node&) { return 0.0; },
    .reference =
        [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const int64_t D = in[0].dim(1);
          for (int64_t i = 0; i < in[1].count(); ++i)
            for (int64_t d = 0; d < D; ++d) out[0][i * D + d] = in[0][static_cast<int64_t>(in[1][i]) * D + d];
        },
};

// [ids, dy] -> dtable: f32 [rows, D]
constinit const OpDef embedding_grad_op = {
    .name = "embedding_grad",
    .infer = [](const Node& n) -> std::vector<Type> {
      return {{{n.attributes().integer("rows"), n.input(1).dim(-1)}, DType::f32}};
    },
    .flops = [](const Node& n) { return static_cast<double>(n.input(1).type().count()); },
    .reference =
        [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const int64_t D = in[1].dim(-1);
          for (int64_t i = 0; i < in[0].count(); ++i)
            for (int64_t d = 0; d < D; ++d) out[0][static_cast<int64_t>(in[0][i]) * D + d] += in[1][i * D + d];
        },
};

Value embedding(Value table, Value ids) { return table.graph().add(embedding_op, {table, ids}); }

}  // namespace rankine
