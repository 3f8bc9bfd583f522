#pragma once
#include <array>
#include <cmath>

#include "backend/cpu/kernel_context.h"
#include "backend/cpu/kernels/parallel.h"

/// Helpers of the optimisers' kernels. The kernels are plain loops: an update reads and writes each number of a LoRA a
/// few times, which is little beside the step that made its gradient.
namespace rankine::cpu {

inline const float* float_input(const KernelContext& p, int i) { return static_cast<const float*>(p.input(i)); }
inline float* float_output(const KernelContext& p, int i) { return static_cast<float*>(p.output(i)); }

/// Output k, which must lie in the place of input i: an update works on its variables in place.
inline float* updated_in_place(const KernelContext& p, int output, int input) {
  check(p.input(input) == p.output(output), p.node().op().name, " \"", p.node().scope(),
        "\" updates its variables in place");
  return float_output(p, output);
}

/// The totals of the N sums that body(begin, end) returns for its elements; the same for every number of threads.
template <size_t N, class Body>
std::array<double, N> sum_elements(int64_t n, const Body& body) {
  constexpr int64_t kMostPieces = 64;
  const Cut cut = cut_evenly(n, kMostPieces);
  std::array<std::array<double, N>, kMostPieces> parts;
  parallel_tasks(cut.count(), n, [&](int64_t i) { parts[static_cast<size_t>(i)] = body(cut.begin(i), cut.end(i)); });
  std::array<double, N> total{};
  for (int64_t i = 0; i < cut.count(); ++i)
    for (size_t k = 0; k < N; ++k) total[k] += parts[static_cast<size_t>(i)][k];
  return total;
}

}  // namespace rankine::cpu
