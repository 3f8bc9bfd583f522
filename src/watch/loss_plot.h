#pragma once
#include <string>
#include <vector>

#include "io/image.h"

namespace rankine {

/// The loss of a run, step by step.
struct LossCurve {
  std::vector<double> steps;  ///< ascending
  std::vector<double> losses;
};

/// Reads `metrics.jsonl`. Where a run was resumed from an earlier step, the later numbers count; losses that are not
/// finite (null) are left out, and so, with a warning, are lines that a killed run left cut. Throws Error when no step
/// is left.
LossCurve read_loss_curve(const std::string& metrics_file);

/// The height at each step of the straight line that fits the losses around it best, weighted by a bell whose standard
/// deviation is `width` steps (Cleveland 1979, "Robust locally weighted regression"). Unlike a running average it does
/// not trail behind, and it follows a slope up to both ends.
std::vector<double> smoothed(const LossCurve& curve, double width);

/// About `wanted` round numbers from `low` to `high` (1, 2 or 5 times a power of ten apart), ascending, inside the
/// range.
std::vector<double> round_ticks(double low, double high, int wanted);

struct LossPlotConfig {
  int width = 1200, height = 600;  ///< pixels
  std::string title = "Training loss";
};

/// The curve as a picture: every step as a thin line, the trend as a thick one.
Image draw_loss_plot(const LossCurve& curve, const LossPlotConfig& config = {});

/// metrics.jsonl -> PNG.
void write_loss_plot(const std::string& metrics_file, const std::string& png_file, const LossPlotConfig& config = {});

}  // namespace rankine
