#include <cmath>

#include "graph/ops/activation.h"
#include "graph/ops/ops.h"

namespace rankine {
namespace {

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }
double f(double x) { return x * sigmoid(x); }
double slope(double x) {
  const double s = sigmoid(x);
  return s * (1.0 + x * (1.0 - s));
}

}  // namespace

constinit const OpDef silu_op = activation<f, &silu_grad_op>("silu");
constinit const OpDef silu_grad_op = activation_gradient<slope>("silu_grad");

Value silu(Value x) { return x.graph().add(silu_op, {x}); }

}  // namespace rankine
