#pragma once
#include <string>
#include <vector>

#include "io/image.h"

namespace rankine {

/// The loss of a run per step.
struct LossCurve {
  std::vector<double> steps;  ///< ascending
  std::vector<double> losses;
};

/// Reads `metrics.jsonl`. If a run was resumed from an earlier step, the later numbers count. Losses that are not
/// finite (null) are left out; so are incomplete lines of a killed run, with a warning. Throws Error if no step is
/// left.
LossCurve read_loss_curve(const std::string& metrics_file);

/// The local trend: at each step the height of the straight line that best fits the losses around it, weighted by a
/// bell whose standard deviation is `width` steps (Cleveland 1979, "Robust locally weighted regression"). Unlike a
/// running average it has no delay and follows a slope up to both ends.
std::vector<double> smoothed(const LossCurve& curve, double width);

/// About `wanted` round numbers (1, 2 or 5 times a power of ten apart) from `low` to `high`, ascending, inside the
/// range.
std::vector<double> round_ticks(double low, double high, int wanted);

struct LossPlotConfig {
  int width = 1200, height = 600;  ///< pixels
  std::string title = "Training loss";
};

/// Draws the curve: every step as a thin line, the trend as a thick one.
Image draw_loss_plot(const LossCurve& curve, const LossPlotConfig& config = {});

/// Draws `metrics_file` (metrics.jsonl) as a PNG.
void write_loss_plot(const std::string& metrics_file, const std::string& png_file, const LossPlotConfig& config = {});

}  // namespace rankine
