#include <cmath>
#include <numbers>

#include "graph/ops/activation.h"
#include "graph/ops/ops.h"

namespace rankine {
namespace {

double phi(double x) { return 0.5 * (1.0 + std::erf(x / std::numbers::sqrt2)); }  // normal distribution function
double f(double x) { return x * phi(x); }
double slope(double x) { return phi(x) + x * std::exp(-0.5 * x * x) / std::sqrt(2.0 * std::numbers::pi); }

}  // namespace

constinit const OpDef gelu_op = activation<f, &gelu_grad_op>("gelu");
constinit const OpDef gelu_grad_op = activation_gradient<slope>("gelu_grad");

Value gelu(Value x) { return x.graph().add(gelu_op, {x}); }

}  // namespace rankine
