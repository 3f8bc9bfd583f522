#include <algorithm>
#include <cmath>
#include <iterator>

#include "watch/loss_plot.h"
#include "watch/metrics_log.h"
#include "watch/report/chart.h"
#include "watch/report/parts.h"
#include "watch/report/series.h"
#include "watch/report/text.h"

namespace rankine::report {
namespace {

using Style = ChartSeries::Style;

constexpr size_t kFine = 600, kCoarse = 150;  // points over a wide drawing, and of areas in a narrow one
constexpr double kGiB = 1024. * 1024 * 1024;

/// The trend of the finite values; NaN if there is none.
std::vector<double> trend_of(const std::vector<double>& steps, const std::vector<double>& values) {
  LossCurve curve;
  for (size_t i = 0; i < steps.size(); ++i)
    if (std::isfinite(values[i])) {
      curve.steps.push_back(steps[i]);
      curve.losses.push_back(values[i]);
    }
  std::vector<double> trend(steps.size(), NAN);
  if (curve.steps.empty()) return trend;
  const double width = std::max(1.0, (curve.steps.back() - curve.steps.front()) / 30);
  const std::vector<double> known = smoothed(curve, width);
  for (size_t i = 0, k = 0; i < steps.size(); ++i)
    if (std::isfinite(values[i])) trend[i] = known[k++];
  return trend;
}

std::string loss_chart(const MetricsTable& metrics) {
  const StepBins bins(metrics, kFine);
  const std::vector<double>& loss = metrics.column("loss");
  Chart chart{.title = "Loss",
              .steps = bins.steps(),
              .first_step = bins.first_step(),
              .last_step = bins.last_step(),
              .wide = true};
  const std::vector<double> mean = bins.mean(loss);
  if (bins.grouped()) {
    chart.low = bins.least(loss);
    chart.high = bins.greatest(loss);
    chart.band_name = "range of single steps";
  } else {
    chart.series.push_back({.name = "each step", .values = mean, .colour = 9});
  }
  chart.series.push_back({.name = "trend", .values = trend_of(bins.steps(), mean), .colour = 1, .style = Style::thick});
  const auto add_validation = [&](const std::string& column, const std::string& name, int colour) {
    const std::vector<double>& values = metrics.column("values/loss/validation/" + column);
    if (!values.empty())
      chart.series.push_back({.name = name, .values = bins.last(values), .colour = colour, .style = Style::dots});
  };
  add_validation("step_average", "validation", 2);
  add_validation("epoch_average", "validation after epochs", 4);
  return chart_html(chart);
}

/// The rates of all parameter groups; groups with the same rates share a line.
std::string rate_chart(const std::string& title, const MetricsTable& metrics, const StepBins& bins,
                       const std::string& columns) {
  Chart chart{.title = title, .steps = bins.steps(), .first_step = bins.first_step(), .last_step = bins.last_step()};
  chart.from_zero = true;
  for (const std::string& group : metrics.names_under(columns)) {
    const std::string name = tracker_group(group);
    const std::vector<double> values = bins.mean(metrics.column(columns + group));
    const auto same = std::ranges::find_if(chart.series, [&](const ChartSeries& s) { return s.values == values; });
    if (same != chart.series.end()) {
      same->name += ", " + name;
    } else {
      const int colour = static_cast<int>(chart.series.size() % 6) + 1;
      chart.series.push_back({.name = name, .values = values, .colour = colour, .style = Style::thick});
    }
  }
  return chart_html(chart);
}

std::string gradient_chart(const ReportFacts& facts, const MetricsTable& metrics, const StepBins& bins) {
  const std::vector<double> mean = bins.mean(metrics.column("grad_norm"));
  Chart chart{.title = "Gradient norm before clipping",
              .steps = bins.steps(),
              .first_step = bins.first_step(),
              .last_step = bins.last_step()};
  chart.series = {{.name = "each step", .values = mean, .colour = 9},
                  {.name = "trend", .values = trend_of(bins.steps(), mean), .colour = 3, .style = Style::thick}};
  if (bins.grouped()) chart.series[0].name = "mean of neighbours";
  std::vector<double> finite;
  std::ranges::copy_if(mean, std::back_inserter(finite), [](double v) { return std::isfinite(v) && v > 0; });
  if (!finite.empty()) {
    const auto [low, high] = std::ranges::minmax_element(finite);
    chart.logarithmic = *high > 30 * *low;
  }
  if (facts.max_grad_norm > 0) chart.mark = {facts.max_grad_norm, "limit " + number_text(facts.max_grad_norm)};
  return chart_html(chart);
}

std::string time_chart(const MetricsTable& metrics, const StepBins& bins) {
  Chart chart{.title = "Time of a step",
              .unit = "s",
              .steps = bins.steps(),
              .first_step = bins.first_step(),
              .last_step = bins.last_step()};
  chart.stacked = chart.cut_peaks = true;
  for (const Phase& phase : phases_of(metrics)) {
    if (phase.share < 0.002) continue;  // too thin to see; the table has it
    chart.series.push_back({.name = phase.title, .values = bins.mean(phase.seconds), .colour = phase.colour});
  }
  return chart_html(chart);
}

std::string memory_chart(const ReportFacts& facts, const MetricsTable& metrics, const StepBins& bins) {
  std::vector<double> values = bins.greatest(metrics.column("resident_bytes"));
  for (double& v : values) v /= kGiB;
  Chart chart{.title = "Memory of the process",
              .unit = "GiB",
              .steps = bins.steps(),
              .first_step = bins.first_step(),
              .last_step = bins.last_step(),
              .from_zero = true};
  chart.series = {{.name = "resident", .values = values, .colour = 4, .style = Style::thick}};
  double planned = 0;
  for (const auto& [use, bytes] : facts.summary.memory_bytes) planned += static_cast<double>(bytes) / kGiB;
  if (planned > 0) chart.mark = {planned, "planned"};
  return chart_html(chart);
}

/// Charts of all other values of steps.
std::string other_charts(const MetricsTable& metrics, const StepBins& bins) {
  std::string all;
  for (const std::string& name : metrics.names_under("values/")) {
    if (name.starts_with("lr/d*lr/") || name.starts_with("loss/validation/")) continue;
    Chart chart{.title = name, .steps = bins.steps(), .first_step = bins.first_step(), .last_step = bins.last_step()};
    chart.series = {
        {.name = name, .values = bins.mean(metrics.column("values/" + name)), .colour = 5, .style = Style::thick}};
    all += chart_html(chart);
  }
  return all;
}

}  // namespace

std::string charts(const ReportFacts& facts, const MetricsTable& metrics) {
  const StepBins fine(metrics, kFine / 2), coarse(metrics, kCoarse);
  return loss_chart(metrics) + "<div class=\"pair charts\">" + rate_chart("Learning rate", metrics, fine, "lr/") +
         rate_chart("Learning rate × d", metrics, fine, "values/lr/d*lr/") + gradient_chart(facts, metrics, fine) +
         time_chart(metrics, coarse) + memory_chart(facts, metrics, fine) + other_charts(metrics, fine) + "</div>\n";
}

}  // namespace rankine::report
