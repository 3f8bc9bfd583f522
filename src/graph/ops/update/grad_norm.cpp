#include <algorithm>
#include <cmath>

#include "graph/ops/ops.h"
#include "graph/ops/update/expression.h"

namespace rankine {

constinit const OpDef grad_norm_op = {
    .name = "grad_norm",
    .infer = [](const Node&) -> std::vector<Type> {
      return {{{}, DType::f32}};
    },
    .flops =
        [](const Node& n) {
          double count = 0;
          for (const Value& x : n.inputs()) count += static_cast<double>(x.type().count());
          return 2.0 * count;
        },
    .reference =
        [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
          double sum = 0;
          for (const HostTensor& x : in)
            for (const double value : x.data()) sum += value * value;
          out[0][0] = std::sqrt(sum);
        },
    .decompose = [](const Node& n) -> std::vector<Value> {
      using namespace expression;
      Value sum;
      for (const Value& x : n.inputs()) {
        const Value part = total(square(cast(x, DType::f32)));
        sum = sum ? sum + part : part;
      }
      return {sqrt(sum)};
    },
};

constinit const OpDef clip_factor_op = {
    .name = "clip_factor",
    .infer = [](const Node& n) -> std::vector<Type> { return {n.input(0).type()}; },
    .reference =
        [](const Node& n, std::span<const HostTensor> in, std::span<HostTensor> out) {
          out[0][0] = std::min(1.0, n.attributes().real("max_norm") / (in[0][0] + 1e-6));
        },
    .decompose = [](const Node& n) -> std::vector<Value> {
      using namespace expression;
      const Value norm = n.input(0) + 1e-6;
      return {smaller(number(n.graph(), n.attributes().real("max_norm")) / norm, 1)};
    },
};

Value grad_norm(const std::vector<Value>& gradients) { return gradients[0].graph().add(grad_norm_op, gradients); }
Value clip_factor(Value norm, double max_norm) {
  return norm.graph().add(clip_factor_op, {norm}, {{"max_norm", max_norm}});
}

}  // namespace rankine
