#include <algorithm>

#include "backend/cpu/ops/op_kernels.h"
#include "backend/cpu/ops/update.h"

namespace rankine::cpu {
namespace {

float kept(double decay_rate, float step) { return static_cast<float>(1 - std::pow(step, decay_rate)); }

double root_mean_square(const float* x, int64_t n) {
  const auto [sum] = sum_elements<1>(n, [=](int64_t begin, int64_t end) {
    double part = 0;
    for (int64_t i = begin; i < end; ++i) part += static_cast<double>(x[i]) * x[i];
    return std::array{part};
  });
  return std::sqrt(sum / static_cast<double>(n));
}

/// One [rows, columns] matrix. `sums` holds `columns` numbers.
void factored_direction(float* row, float* column, float* direction, const float* g, float scale, float keep,
                        double eps, int64_t rows, int64_t columns, double* sums) {
  std::fill(sums, sums + columns, 0.0);
  double row_total = 0;
  for (int64_t r = 0; r < rows; ++r) {
    double sum = 0;
    for (int64_t c = 0; c < columns; ++c) {
      const double x = static_cast<double>(g[r * columns + c] * scale), square = x * x + eps;
      sum += square;
      sums[c] += square;
    }
    row[r] = row[r] * keep + (1 - keep) * static_cast<float>(sum / static_cast<double>(columns));
    row_total += row[r];
  }
  for (int64_t c = 0; c < columns; ++c)
    column[c] = column[c] * keep + (1 - keep) * static_cast<float>(sums[c] / static_cast<double>(rows));
  const auto row_mean = static_cast<float>(row_total / static_cast<double>(rows));
  for (int64_t r = 0; r < rows; ++r) {
    const float row_factor = 1 / std::sqrt(row[r] / row_mean);
    for (int64_t c = 0; c < columns; ++c)
      direction[r * columns + c] = row_factor / std::sqrt(column[c]) * (g[r * columns + c] * scale);
  }
}

}  // namespace

Launch prepare_adafactor_factored(KernelContext& p) {
  const Shape& shape = p.input_type(2).shape;
  const int64_t columns = shape.back(), rows = shape[shape.size() - 2], matrices = count_of(shape) / (rows * columns);
  const double decay_rate = p.attributes().real("decay_rate"), eps = p.attributes().real("eps");
  auto* sums = static_cast<double*>(p.scratch(static_cast<size_t>(columns * matrices) * sizeof(double)));
  return [=, row = updated_in_place(p, 0, 0), column = updated_in_place(p, 1, 1), direction = float_output(p, 2),
          g = float_input(p, 2), factor = float_input(p, 3), step = float_input(p, 4)] {
    const float keep = kept(decay_rate, *step);
    parallel_tasks(matrices, matrices * rows * columns, [&](int64_t b) {
      factored_direction(row + b * rows, column + b * columns, direction + b * rows * columns, g + b * rows * columns,
                         *factor, keep, eps, rows, columns, sums + b * columns);
    });
  };
}

Launch prepare_adafactor_unfactored(KernelContext& p) {
  const double decay_rate = p.attributes().real("decay_rate");
  const auto eps = static_cast<float>(p.attributes().real("eps"));
  return [=, v = updated_in_place(p, 0, 0), direction = float_output(p, 1), g = float_input(p, 1),
          factor = float_input(p, 2), step = float_input(p, 3), n = p.output_type().count()] {
    const float keep = kept(decay_rate, *step), scale = *factor;
    parallel_elements(n, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const float x = g[i] * scale;
        v[i] = v[i] * keep + (1 - keep) * (x * x + eps);
        direction[i] = x / std::sqrt(v[i]);
      }
    });
  };
}

Launch prepare_adafactor_step(KernelContext& p) {
  const Attributes& a = p.attributes();
  const double beta1 = a.real("beta1"), weight_decay = a.real("weight_decay"), eps = a.real("eps");
  const double clip_threshold = a.real("clip_threshold");
  const bool relative = a.integer("relative_step"), warmup = a.integer("warmup_init");
  const bool scaled = a.integer("scale_parameter"), first_moment = beta1 >= 0;
  return [=, w = updated_in_place(p, 0, 0), m = first_moment ? updated_in_place(p, 1, 4) : nullptr,
          used = float_output(p, 2), direction = float_input(p, 1), lr = float_input(p, 2), step = float_input(p, 3),
          n = p.output_type().count()] {
    const double t = *step;
    double rate = relative ? std::min(warmup ? 1e-6 * t : 1e-2, 1 / std::sqrt(t)) : static_cast<double>(*lr);
    if (scaled) rate *= std::max(eps, root_mean_square(w, n));
    const double clip = std::max(1.0, root_mean_square(direction, n) / clip_threshold);
    const auto amount = static_cast<float>(rate / clip), keep = static_cast<float>(1 - weight_decay * rate);
    const auto old_part = static_cast<float>(beta1), new_part = static_cast<float>(1 - beta1);
    parallel_elements(n, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        float update = direction[i] * amount;
        if (first_moment) update = m[i] = m[i] * old_part + update * new_part;
        w[i] = w[i] * keep - update;
      }
    });
    *used = static_cast<float>(rate);
  };
}

}  // namespace rankine::cpu
