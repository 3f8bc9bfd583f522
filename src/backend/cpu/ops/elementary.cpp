#include <cmath>

#include "backend/cpu/kernels/parallel.h"
#include "backend/cpu/ops/op_kernels.h"

// Elementary ops that the fused updates of optimisers are made of. They are plain loops: on the CPU the fused kernels
// run instead (see passes/lower_ops.h), so these serve tests and graphs that have no fused op.
namespace rankine::cpu {
namespace {

/// Where element i of the result finds its operand: the operand has as many elements, or one.
struct Operand {
  const float* data;
  bool single;
  float operator[](int64_t i) const { return data[single ? 0 : i]; }
};

Operand operand(const KernelContext& p, int i) {
  const int64_t count = p.input_type(i).count();
  check(count == 1 || count == p.output_type().count(), p.node().op().name, " \"", p.node().scope(),
        "\": the CPU cannot broadcast ", p.input_type(i), " to ", p.output_type());
  return {static_cast<const float*>(p.input(i)), count == 1};
}

template <class F>
Launch elementwise(KernelContext& p, F f) {
  return [=, y = static_cast<float*>(p.output()), n = p.output_type().count()] {
    parallel_elements(n, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) y[i] = f(i);
    });
  };
}

}  // namespace

Launch prepare_sqrt(KernelContext& p) {
  return elementwise(p, [x = operand(p, 0)](int64_t i) { return std::sqrt(x[i]); });
}
Launch prepare_pow(KernelContext& p) {
  return elementwise(p, [a = operand(p, 0), b = operand(p, 1)](int64_t i) { return std::pow(a[i], b[i]); });
}
Launch prepare_greater(KernelContext& p) {
  return elementwise(p, [a = operand(p, 0), b = operand(p, 1)](int64_t i) { return a[i] > b[i] ? 1.0f : 0.0f; });
}
Launch prepare_where(KernelContext& p) {
  return elementwise(
      p, [c = operand(p, 0), a = operand(p, 1), b = operand(p, 2)](int64_t i) { return c[i] != 0 ? a[i] : b[i]; });
}

}  // namespace rankine::cpu
