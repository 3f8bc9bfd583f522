#include <cmath>

#include "graph/ops/activation.h"
#include "graph/ops/ops.h"

namespace rankine {
namespace {

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }
double f(double x) { return x * sigmoid(1.702 * x); }
double slope(double x) {
  const double s = sigmoid(1.702 * x);
  return s * (1.0 + 1.702 * x * (1.0 - s));
}

}  // namespace

constinit const OpDef quick_gelu_op = activation<f, &quick_gelu_grad_op>("quick_gelu");
constinit const OpDef quick_gelu_grad_op = activation_gradient<slope>("quick_gelu_grad");

Value quick_gelu(Value x) { return x.graph().add(quick_gelu_op, {x}); }

}  // namespace rankine
