#include "watch/loss_plot.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "io/canvas.h"
#include "watch/metrics_table.h"
#include "watch/report/text.h"

namespace rankine {
namespace {

constexpr Colour kRaw{170, 205, 234}, kTrend{20, 95, 180};

/// Maps numbers to positions on the paper.
struct Frame {
  double left, top, right, bottom;      // pixels
  double low_x, high_x, low_y, high_y;  // numbers at the edges
  double x(double step) const { return left + (step - low_x) / (high_x - low_x) * (right - left); }
  double y(double loss) const { return bottom - (loss - low_y) / (high_y - low_y) * (bottom - top); }
};

/// The losses with room above and below. A curve that comes near zero is shown from zero.
std::pair<double, double> loss_range(const LossCurve& curve) {
  const auto [low, high] = std::minmax_element(curve.losses.begin(), curve.losses.end());
  const double span = *high > *low ? *high - *low : std::max(std::abs(*high), 1e-6) * 0.2;
  const double bottom = *low >= 0 && *low < span ? 0 : *low - 0.08 * span;
  return {bottom, *high + 0.08 * span};
}

std::vector<Position> points_of(const Frame& frame, const std::vector<double>& steps,
                                const std::vector<double>& losses) {
  std::vector<Position> points;
  for (size_t i = 0; i < steps.size(); ++i) points.push_back({frame.x(steps[i]), frame.y(losses[i])});
  return points;
}

void draw_axes(Canvas& canvas, const Frame& frame) {
  const std::vector<double> losses = round_ticks(frame.low_y, frame.high_y, 6);
  const double loss_step = losses.size() > 1 ? losses[1] - losses[0] : frame.high_y - frame.low_y;
  for (const double loss : losses) {
    canvas.line({frame.left, frame.y(loss)}, {frame.right, frame.y(loss)}, kGrid, 1);
    canvas.text(tick_text(loss, loss_step), {frame.left - 12, frame.y(loss)}, 11, kMuted, Anchor::right);
  }
  for (const double step : round_ticks(frame.low_x, frame.high_x, 9)) {
    if (step != std::round(step)) continue;
    canvas.line({frame.x(step), frame.bottom}, {frame.x(step), frame.bottom + 6}, kMuted, 1);
    canvas.text(tick_text(step, 1), {frame.x(step), frame.bottom + 22}, 11, kMuted, Anchor::centre);
  }
  canvas.line({frame.left, frame.bottom}, {frame.right, frame.bottom}, kMuted, 1.3);
  canvas.text("step", {(frame.left + frame.right) / 2, frame.bottom + 48}, 12, kInk, Anchor::centre);
  canvas.text("loss", {frame.left, frame.top - 20}, 12, kInk, Anchor::right);
}

void draw_legend(Canvas& canvas, const Frame& frame, double y) {
  double x = frame.right;
  const auto entry = [&](const std::string& words, Colour colour, double width) {
    x -= canvas.text_width(words, 11);
    canvas.text(words, {x, y}, 11, kMuted);
    x -= 36;
    canvas.line({x, y}, {x + 26, y}, colour, width);
    x -= 28;
  };
  entry("trend", kTrend, 3);
  entry("each step", kRaw, 1.5);
}

}  // namespace

LossCurve read_loss_curve(const std::string& metrics_file) {
  const MetricsTable table = read_metrics(metrics_file);
  const std::vector<double>& losses = table.column("loss");
  LossCurve curve;
  for (size_t i = 0; i < losses.size(); ++i) {
    if (!std::isfinite(losses[i])) continue;
    curve.steps.push_back(static_cast<double>(table.steps[i]));
    curve.losses.push_back(losses[i]);
  }
  check(!curve.steps.empty(), metrics_file, ": there is no loss of any step in it: expected a run's metrics.jsonl");
  return curve;
}

std::vector<double> smoothed(const LossCurve& curve, double width) {
  const double reach = 3 * width;  // further away the weight is below 1.2 %
  std::vector<double> trend;
  size_t first = 0;
  for (const double step : curve.steps) {
    while (curve.steps[first] < step - reach) ++first;
    double w = 0, wx = 0, wy = 0, wxx = 0, wxy = 0;  // sums of weight, weight * distance, ...
    for (size_t j = first; j < curve.steps.size() && curve.steps[j] <= step + reach; ++j) {
      const double x = (curve.steps[j] - step) / width, y = curve.losses[j];
      const double weight = std::exp(-0.5 * x * x);
      w += weight;
      wx += weight * x;
      wy += weight * y;
      wxx += weight * x * x;
      wxy += weight * x * y;
    }
    const double spread = w * wxx - wx * wx;  // 0 when there is only one step
    trend.push_back(spread > 1e-9 * w * w ? (wxx * wy - wx * wxy) / spread : wy / w);
  }
  return trend;
}

std::vector<double> round_ticks(double low, double high, int wanted) {
  const double rough = (high - low) / wanted;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  const double step = power * (rough / power < 1.5 ? 1 : rough / power < 3.5 ? 2 : rough / power < 7.5 ? 5 : 10);
  std::vector<double> ticks;
  for (double k = std::ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; ++k) ticks.push_back(k * step);
  return ticks;
}

Image draw_loss_plot(const LossCurve& curve, const LossPlotConfig& config) {
  check(!curve.steps.empty() && curve.steps.size() == curve.losses.size(),
        "a loss plot needs at least one step, and a loss for each");
  check(config.width >= 400 && config.height >= 250, "a loss plot needs at least 400 x 250 pixels, got ", config.width,
        " x ", config.height);
  const auto [low, high] = loss_range(curve);
  const double first = curve.steps.front(), last = std::max(curve.steps.back(), first + 1);
  const Frame frame = {.left = 96,
                       .top = 92,
                       .right = config.width - 40.0,
                       .bottom = config.height - 74.0,
                       .low_x = first,
                       .high_x = last,
                       .low_y = low,
                       .high_y = high};
  Canvas canvas(config.width, config.height);
  draw_axes(canvas, frame);
  canvas.curve(points_of(frame, curve.steps, curve.losses), kRaw, 1.2);
  const double width = std::max(1.0, (last - first) / 30);
  canvas.curve(points_of(frame, curve.steps, smoothed(curve, width)), kTrend, 3);
  canvas.text(config.title, {frame.left, 36}, 17, kInk, Anchor::left, 1.7);
  draw_legend(canvas, frame, 36);
  return canvas.picture();
}

void write_loss_plot(const std::string& metrics_file, const std::string& png_file, const LossPlotConfig& config) {
  write_png(png_file, draw_loss_plot(read_loss_curve(metrics_file), config));
}

}  // namespace rankine
