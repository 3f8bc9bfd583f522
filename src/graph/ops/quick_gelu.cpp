#include <cmath>

#include "graph/ops/elementwise.h"
#include "graph/ops/ops.h"

namespace rankine {
namespace {

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }
double slope(double x) {
  const double s = sigmoid(1.702 * x);
  return s * (1.0 + 1.702 * x * (1.0 - s));
}

}  // namespace

constinit const OpDef quick_gelu_op = {
    .name = "quick_gelu",
    .infer = same_type,
    .grad = [](const Node& n, std::span<const Value> dy) -> std::vector<Value> {
      return {n.graph().add(quick_gelu_grad_op, {n.input(0), dy[0]})};
    },
    .flops = [](const Node& n) { return 10.0 * static_cast<double>(n.type().count()); },  // exp or erf counted as 8
    .reference =
        [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
          for (int64_t i = 0; i < out[0].count(); ++i) out[0][i] = in[0][i] * sigmoid(1.702 * in[0][i]);
        },
    .in_place = {0, -1, -1},
};

// [x, dy] -> dx
constinit const OpDef quick_gelu_grad_op = {
    .name = "quick_gelu_grad",
    .infer = same_type,
    .flops = [](const Node& n) { return 14.0 * static_cast<double>(n.type().count()); },
    .reference =
        [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
          for (int64_t i = 0; i < out[0].count(); ++i) out[0][i] = in[1][i] * slope(in[0][i]);
        },
    .in_place = {1, -1, -1},
};

Value quick_gelu(Value x) { return x.graph().add(quick_gelu_op, {x}); }

}  // namespace rankine
