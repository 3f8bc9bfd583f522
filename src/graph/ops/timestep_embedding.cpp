#include <cmath>

#include "graph/ops/ops.h"

namespace rankine {

constinit const OpDef timestep_embedding_op = {
    .name = "timestep_embedding",
    .infer = [](const Node& n) -> std::vector<Type> {
      const Type& t = n.input(0).type();
      check(t.shape.size() == 1 && t.dtype == DType::f32, "timesteps are f32[N], got ", t);
      return {{{t.shape[0], n.attributes().integer("dim")}, DType::f32}};
    },
    .grad = [](const Node&, std::span<const Value>) -> std::vector<Value> { return {{}}; },
    .reference =
        [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const int64_t dim = out[0].dim(1), half = dim / 2;
          for (int64_t n = 0; n < in[0].count(); ++n)
            for (int64_t k = 0; k < half; ++k) {
              const double frequency =
                  std::exp(-std::log(10000.0) * static_cast<double>(k) / static_cast<double>(half));
              out[0][n * dim + k] = std::cos(in[0][n] * frequency);
              out[0][n * dim + half + k] = std::sin(in[0][n] * frequency);
            }
        },
};

Value timestep_embedding(Value t, int64_t dim) {
  check(dim % 2 == 0, "timestep_embedding: dim must be even, got ", dim);
  return t.graph().add(timestep_embedding_op, {t}, {{"dim", dim}});
}

}  // namespace rankine
