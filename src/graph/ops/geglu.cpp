#include <cmath>
#include <numbers>

#include "graph/ops/ops.h"
#include "graph/ops/shapes.h"

namespace rankine {
namespace {

double phi(double x) { return 0.5 * (1.0 + std::erf(x / std::numbers::sqrt2)); }
double density(double x) { return std::exp(-0.5 * x * x) / std::sqrt(2.0 * std::numbers::pi); }

}  // namespace

// [a, b] = the halves of x along its last axis;  y = a * gelu(b).   x: [..., 2d] -> y: [..., d]
constinit const OpDef geglu_op = {
    .name = "geglu",
    .infer = [](const Node& n) -> std::vector<Type> {
      Type y = n.input(0).type();
      check(!y.shape.empty() && y.shape.back() % 2 == 0, "the last axis is split in halves, so it must be even; x is ",
            y);
      y.shape.back() /= 2;
      return {y};
    },
    .grad = [](const Node& n, std::span<const Value> dy) -> std::vector<Value> {
      return {n.graph().add(geglu_grad_op, {n.input(0), dy[0]})};
    },
    .flops = [](const Node& n) { return 10.0 * static_cast<double>(n.type().count()); },
    .reference =
        [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const int64_t d = out[0].shape().back();
          for (int64_t i = 0; i < out[0].count(); ++i) {
            const int64_t row = i / d, col = i % d;
            const double a = in[0][row * 2 * d + col], b = in[0][row * 2 * d + d + col];
            out[0][i] = a * b * phi(b);
          }
        },
};

// [x, dy] -> dx = [dy * gelu(b), dy * a * gelu'(b)]
constinit const OpDef geglu_grad_op = {
    .name = "geglu_grad",
    .infer = [](const Node& n) -> std::vector<Type> { return {n.input(0).type()}; },
    .flops = [](const Node& n) { return 12.0 * static_cast<double>(n.type().count()); },
    .reference =
        [](const Node&, std::span<const HostTensor> in, std::span<HostTensor> out) {
          const int64_t d = in[1].shape().back();
          for (int64_t i = 0; i < in[1].count(); ++i) {
            const int64_t at = i / d * 2 * d + i % d;
            const double a = in[0][at], b = in[0][at + d];
            out[0][at] = in[1][i] * b * phi(b);
            out[0][at + d] = in[1][i] * a * (phi(b) + b * density(b));
          }
        },
    .in_place = {0, -1, -1},  // kernels read both halves of an element before they write them
};

Value geglu(Value x) { return x.graph().add(geglu_op, {x}); }

}  // namespace rankine
