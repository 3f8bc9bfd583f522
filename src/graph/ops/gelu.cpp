#include <cmath>
#include <numbers>

#include "graph/ops/elementwise.h"
#include "graph/ops/ops.h"

namespace rankine {
namespace {

double phi(double x) { return 0.5 * (1.0 + std::erf(x / std::numbers::sqrt2)); }  // normal distribution function
double slope(double x) { return phi(x) + x * std::exp(-0.5 * x * x) / std::sqrt(2.0 * std::numbers::pi); }

}  // namespace

constinit const OpDef gelu_op = {
    .name = "gelu",
    .infer = same_type,
    .grad = [](const Node& n, std::span<const Value> dy) -> std::vector<Value> {
      return {n.graph().add(gelu_grad_op, {n.input(0), dy[0]})};
    },
    .flops = [](const Node& n) { return 10.0 * static_cast<double>(n.type().count()); },  // exp or erf counted as 8
    .reference =
        [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
          for (int64_t i = 0; i < out[0].count(); ++i) out[0][i] = in[0][i] * phi(in[0][i]);
        },
    .in_place = {0, -1, -1},
};

// [x, dy] -> dx
constinit const OpDef gelu_grad_op = {
    .name = "gelu_grad",
    .infer = same_type,
    .flops = [](const Node& n) { return 14.0 * static_cast<double>(n.type().count()); },
    .reference =
        [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
          for (int64_t i = 0; i < out[0].count(); ++i) out[0][i] = in[1][i] * slope(in[0][i]);
        },
    .in_place = {1, -1, -1},
};

Value gelu(Value x) { return x.graph().add(gelu_op, {x}); }

}  // namespace rankine
