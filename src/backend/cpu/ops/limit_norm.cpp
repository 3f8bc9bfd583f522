#include <algorithm>

#include "backend/cpu/ops/op_kernels.h"
#include "backend/cpu/ops/update.h"

namespace rankine::cpu {
namespace {

/// Four running sums, so that the processor need not wait for each addition.
double dot(const float* a, const float* b, int64_t n, int64_t stride) {
  double sums[4] = {};
  int64_t i = 0;
  for (; i + 4 <= n; i += 4)
    for (int64_t k = 0; k < 4; ++k) sums[k] += static_cast<double>(a[(i + k) * stride]) * b[(i + k) * stride];
  for (; i < n; ++i) sums[0] += static_cast<double>(a[i * stride]) * b[i * stride];
  return sums[0] + sums[1] + sums[2] + sums[3];
}

}  // namespace

// ||up down||^2 is the sum over all pairs of ranks of (down down^T) (up^T up): the large product is never made.
Launch prepare_limit_norm(KernelContext& p) {
  const double scale = p.attributes().real("scale"), limit = p.attributes().real("limit");
  const int64_t rank = p.input_type(0).shape[0], inputs = p.input_type(0).count() / rank;
  const int64_t outputs = p.input_type(1).shape[0];
  auto* rows = static_cast<double*>(p.scratch(static_cast<size_t>(rank) * sizeof(double)));
  return [=, down = updated_in_place(p, 0, 0), up = updated_in_place(p, 1, 1), out = float_output(p, 2)] {
    parallel_tasks(rank, rank * rank * (inputs + outputs) / 2, [=](int64_t a) {
      double sum = 0;
      for (int64_t b = 0; b <= a; ++b) {
        const double product =
            dot(down + a * inputs, down + b * inputs, inputs, 1) * dot(up + a, up + b, outputs, rank);
        sum += a == b ? product : 2 * product;
      }
      rows[a] = sum;
    });
    double square = 0;
    for (int64_t a = 0; a < rank; ++a) square += rows[a];
    const double norm = scale * std::sqrt(std::max(0.0, square));
    *out = static_cast<float>(norm);
    if (norm <= limit) return;
    const auto factor = static_cast<float>(std::sqrt(limit / norm));
    for (int64_t i = 0; i < rank * inputs; ++i) down[i] *= factor;
    for (int64_t i = 0; i < rank * outputs; ++i) up[i] *= factor;
  };
}

Launch prepare_norm_statistics(KernelContext& p) {
  const double limit = p.attributes().real("limit");
  std::vector<const float*> norms;
  for (int i = 0; i < static_cast<int>(p.node().inputs().size()); ++i) norms.push_back(float_input(p, i));
  return [=, scaled = float_output(p, 0), mean = float_output(p, 1), largest = float_output(p, 2)] {
    double count = 0, sum = 0, most = 0;
    for (const float* norm : norms) {
      count += *norm > limit ? 1 : 0;
      const double after = std::min(static_cast<double>(*norm), limit);
      sum += after;
      most = std::max(most, after);
    }
    *scaled = static_cast<float>(count);
    *mean = static_cast<float>(sum / static_cast<double>(norms.size()));
    *largest = static_cast<float>(most);
  };
}

}  // namespace rankine::cpu
