#include "watch/report/chart.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "base/error.h"
#include "watch/loss_plot.h"
#include "watch/report/text.h"

namespace rankine {
namespace {

/// Maps numbers to positions in the drawing, in its own units.
struct Frame {
  double width, height;
  double left = 58, top = 14, right, bottom;
  double low_x = 0, high_x = 1, low_y = 0, high_y = 1;  // numbers at the edges
  bool logarithmic = false;

  double x(double step) const { return left + (step - low_x) / (high_x - low_x) * (right - left); }
  double y(double value) const {
    const double share =
        logarithmic ? std::log(value / low_y) / std::log(high_y / low_y) : (value - low_y) / (high_y - low_y);
    return bottom - share * (bottom - top);
  }
};

std::string coordinate(double value) {
  std::array<char, 32> buffer;
  std::snprintf(buffer.data(), buffer.size(), "%.1f", value == 0 ? 0.0 : value);
  return buffer.data();
}

std::string point(const Frame& frame, double step, double value) {
  return coordinate(frame.x(step)) + " " + coordinate(frame.y(value));
}

using Columns = std::vector<std::vector<double>>;

/// The upper edge of each series: the series itself, or the sum up to it.
Columns upper_edges(const Chart& chart) {
  Columns edges;
  for (const ChartSeries& s : chart.series) {
    edges.push_back(s.values);
    if (!chart.stacked) continue;
    for (size_t i = 0; i < s.values.size(); ++i) {
      double& value = edges.back()[i];
      value = (std::isfinite(value) ? value : 0) + (edges.size() > 1 ? edges[edges.size() - 2][i] : 0);
    }
  }
  return edges;
}

std::vector<double> finite_values(const Chart& chart, const Columns& edges) {
  std::vector<double> all;
  const auto take = [&](const std::vector<double>& values) {
    for (const double v : values)
      if (std::isfinite(v) && (!chart.logarithmic || v > 0)) all.push_back(v);
  };
  for (const auto& edge : edges) take(edge);
  take(chart.low);
  take(chart.high);
  return all;
}

double at_share(std::vector<double> values, double share) {
  const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<size_t>(at)];
}

/// Values that stand above the frame.
struct CutPeaks {
  size_t count = 0;
  double highest = 0;
};

/// Chooses the range of numbers that the frame shows.
CutPeaks choose_range(Frame& frame, const Chart& chart, const Columns& edges) {
  std::vector<double> values = finite_values(chart, edges);
  auto [low, high] = std::pair(*std::ranges::min_element(values), *std::ranges::max_element(values));
  CutPeaks cut;
  if (chart.cut_peaks) {
    // Only the tops matter, not the series below them in the stack.
    std::vector<double> tops;
    for (const double v : edges.back())
      if (std::isfinite(v)) tops.push_back(v);
    const double usual = at_share(tops, 0.97);
    if (high > 2 * usual && usual > 0) {
      cut.highest = high;
      high = 1.15 * usual;
      cut.count = static_cast<size_t>(std::ranges::count_if(tops, [&](double v) { return v > high; }));
    }
  }
  if (chart.mark && chart.mark->first > 0 && chart.mark->first < 2.5 * high && chart.mark->first > low / 2.5) {
    low = std::min(low, chart.mark->first);
    high = std::max(high, chart.mark->first);
  }
  if (chart.logarithmic) {
    frame.low_y = low / 1.25;
    frame.high_y = high * 1.25;
    return cut;
  }
  const double span = high > low ? high - low : std::max(std::abs(high), 1e-9) * 0.2;
  const bool zero = chart.from_zero || chart.stacked || (low >= 0 && low < 0.6 * span);
  frame.low_y = zero ? 0 : low - 0.08 * span;
  frame.high_y = cut.count > 0 ? high : high + 0.08 * (zero ? std::max(high, span) : span);
  return cut;
}

std::vector<double> value_ticks(const Frame& frame) {
  if (!frame.logarithmic) return round_ticks(frame.low_y, frame.high_y, frame.height > 280 ? 6 : 5);
  std::vector<double> ticks;
  const bool narrow = frame.high_y / frame.low_y < 300;
  for (double power = std::pow(10, std::floor(std::log10(frame.low_y))); power <= frame.high_y; power *= 10)
    for (const double digit : {1.0, 2.0, 5.0})
      if ((digit == 1 || narrow) && power * digit >= frame.low_y && power * digit <= frame.high_y)
        ticks.push_back(power * digit);
  return ticks;
}

std::string axes(const Frame& frame) {
  std::string out = "<g class=\"grid\">";
  std::string labels = "<g class=\"ticks\">";
  const std::vector<double> ticks = value_ticks(frame);
  const double between = ticks.size() > 1 ? ticks[1] - ticks[0] : frame.high_y - frame.low_y;
  for (const double tick : ticks) {
    const std::string y = coordinate(frame.y(tick));
    out += "<path d=\"M" + coordinate(frame.left) + " " + y + "H" + coordinate(frame.right) + "\"/>";
    labels += "<text class=\"y\" x=\"" + coordinate(frame.left - 8) + "\" y=\"" + coordinate(frame.y(tick) + 4) +
              "\">" + (frame.logarithmic ? number_text(tick) : tick_text(tick, between)) + "</text>";
  }
  for (const double tick : round_ticks(frame.low_x, frame.high_x, frame.width > 800 ? 10 : 6)) {
    if (tick != std::round(tick)) continue;
    const std::string x = coordinate(frame.x(tick));
    out += "<path d=\"M" + x + " " + coordinate(frame.bottom) + "v4\"/>";
    labels += "<text class=\"x\" x=\"" + x + "\" y=\"" + coordinate(frame.bottom + 19) + "\">" + tick_text(tick, 1) +
              "</text>";
  }
  labels += "<text class=\"x name\" x=\"" + coordinate((frame.left + frame.right) / 2) + "\" y=\"" +
            coordinate(frame.height - 3) + "\">step</text>";
  return out + "</g>" + labels + "</g>" + "<path class=\"axis\" d=\"M" + coordinate(frame.left) + " " +
         coordinate(frame.bottom) + "H" + coordinate(frame.right) + "\"/>";
}

bool drawable(const Frame& frame, double value) { return std::isfinite(value) && (!frame.logarithmic || value > 0); }

/// Breaks the line where values are missing. A single value is a short stroke, so that it is visible.
std::string line_path(const Frame& frame, const std::vector<double>& steps, const std::vector<double>& values) {
  std::string path;
  bool drawing = false;
  for (size_t i = 0; i < values.size(); ++i) {
    if (!drawable(frame, values[i])) {
      drawing = false;
      continue;
    }
    path += (drawing ? "L" : "M") + point(frame, steps[i], values[i]);
    const bool alone = !drawing && (i + 1 == values.size() || !drawable(frame, values[i + 1]));
    if (alone) path += "h0.1";
    drawing = true;
  }
  return path;
}

/// The area between two complete edges.
std::string area_path(const Frame& frame, const std::vector<double>& steps, const std::vector<double>& low,
                      const std::vector<double>& high) {
  std::string there, back;
  for (size_t i = 0; i < steps.size(); ++i) {
    if (!drawable(frame, high[i]) || !drawable(frame, low[i])) continue;
    there += (there.empty() ? "M" : "L") + point(frame, steps[i], high[i]);
    back = "L" + point(frame, steps[i], low[i]) + back;
  }
  return there.empty() ? "" : there + back + "Z";
}

std::string drawn_series(const Frame& frame, const Chart& chart, const Columns& edges) {
  std::string out;
  if (!chart.low.empty())
    out += "<path class=\"band\" d=\"" + area_path(frame, chart.steps, chart.low, chart.high) + "\"/>";
  std::vector<double> below(chart.steps.size(), 0.0);
  for (size_t s = 0; s < chart.series.size(); ++s) {
    const ChartSeries& series = chart.series[s];
    const std::string colour = "c" + std::to_string(series.colour);
    if (chart.stacked) {
      out += "<path class=\"area " + colour + "\" d=\"" + area_path(frame, chart.steps, below, edges[s]) + "\"/>";
      below = edges[s];
      continue;
    }
    const char* style = series.style == ChartSeries::Style::thick ? "thick " : "";
    if (const std::string path = line_path(frame, chart.steps, series.values);
        !path.empty() && series.style != ChartSeries::Style::dots)
      out += concat_text("<path class=\"line ", style, colour, "\" d=\"", path, "\"/>");
    if (series.style != ChartSeries::Style::dots) continue;
    std::vector<double> steps, values;
    for (size_t i = 0; i < series.values.size(); ++i)
      if (drawable(frame, series.values[i])) {
        steps.push_back(chart.steps[i]);
        values.push_back(series.values[i]);
      }
    out += concat_text("<path class=\"line ", colour, "\" d=\"", line_path(frame, steps, values), "\"/>");
    constexpr size_t kMostDots = 80;  // more dots would only cover each other
    for (size_t i = 0; i < steps.size() && steps.size() <= kMostDots; ++i)
      out += concat_text("<circle class=\"dot ", colour, "\" cx=\"", coordinate(frame.x(steps[i])), "\" cy=\"",
                         coordinate(frame.y(values[i])), "\" r=\"3.5\"/>");
  }
  return out;
}

std::string drawn_mark(const Frame& frame, const Chart& chart) {
  if (!chart.mark) return "";
  const auto& [value, name] = *chart.mark;
  if (!(value >= frame.low_y && value <= frame.high_y)) return "";
  const double y = frame.y(value);
  const double text_y = y > frame.bottom - 18 ? y - 6 : y + 15;
  return "<path class=\"mark\" d=\"M" + coordinate(frame.left) + " " + coordinate(y) + "H" + coordinate(frame.right) +
         "\"/><text class=\"markname\" x=\"" + coordinate(frame.right - 4) + "\" y=\"" + coordinate(text_y) + "\">" +
         html_text(name) + "</text>";
}

std::string legend(const Chart& chart) {
  if (chart.series.size() == 1 && chart.series[0].name == chart.title) return "";
  std::string out;
  const auto entry = [&](const std::string& kind, const std::string& name) {
    out += "<span class=\"key\"><i class=\"" + kind + "\"></i>" + html_text(name) + "</span>";
  };
  if (!chart.low.empty()) entry("bandkey", chart.band_name);
  for (const ChartSeries& s : chart.series)
    entry((chart.stacked                          ? "areakey c"
           : s.style == ChartSeries::Style::dots  ? "dotkey c"
           : s.style == ChartSeries::Style::thick ? "linekey thick c"
                                                  : "linekey c") +
              std::to_string(s.colour),
          s.name);
  return out;
}

std::string json_numbers(const std::vector<double>& values, int digits) {
  std::string text = "[";
  std::array<char, 32> buffer;
  for (const double v : values) {
    if (text.size() > 1) text += ',';
    if (!std::isfinite(v)) {
      text += "null";
    } else {
      std::snprintf(buffer.data(), buffer.size(), "%.*g", digits, v);
      text += buffer.data();
    }
  }
  return text + "]";
}

/// A JSON string that is safe inside a <script>.
std::string json_text(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '<' || c == '>' || c == '&' || c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20) {
      std::array<char, 8> buffer;
      std::snprintf(buffer.data(), buffer.size(), "\\u%04x", static_cast<unsigned>(c));
      out += buffer.data();
    } else {
      out += c;
    }
  }
  return out + '"';
}

/// The data for report.js to show the numbers under the pointer.
std::string pointer_data(const Frame& frame, const Chart& chart) {
  std::string out = "{\"frame\":" +
                    json_numbers({frame.width, frame.left, frame.right, frame.top, frame.bottom, frame.low_x,
                                  frame.high_x, frame.low_y, frame.high_y},
                                 8) +
                    ",\"log\":" + (frame.logarithmic ? "true" : "false") +
                    ",\"stacked\":" + (chart.stacked ? "true" : "false") + ",\"unit\":" + json_text(chart.unit) +
                    ",\"steps\":" + json_numbers(chart.steps, 9) + ",\"series\":[";
  for (size_t s = 0; s < chart.series.size(); ++s)
    out += concat_text(s > 0 ? "," : "", "{\"name\":", json_text(chart.series[s].name),
                       ",\"colour\":", chart.series[s].colour, ",\"values\":", json_numbers(chart.series[s].values, 4),
                       "}");
  return out + "]}";
}

bool has_values(const Chart& chart) {
  return std::ranges::any_of(chart.series, [&](const ChartSeries& s) {
    return std::ranges::any_of(s.values, [&](double v) { return std::isfinite(v) && (!chart.logarithmic || v > 0); });
  });
}

}  // namespace

std::string chart_html(const Chart& chart) {
  if (!has_values(chart)) return "";
  for (const ChartSeries& s : chart.series)
    check(s.values.size() == chart.steps.size(), "a chart's series \"", s.name, "\" needs a value for each step");
  const Columns edges = upper_edges(chart);
  Frame frame{.width = chart.wide ? 1120.0 : 548.0,
              .height = chart.wide ? 340.0 : 250.0,
              .right = (chart.wide ? 1120.0 : 548.0) - 24,
              .bottom = (chart.wide ? 340.0 : 250.0) - 42,
              .low_x = chart.first_step,
              .high_x = std::max(chart.last_step, chart.first_step + 1),
              .logarithmic = chart.logarithmic};
  const CutPeaks cut = choose_range(frame, chart, edges);
  std::string title = html_text(chart.title);
  if (!chart.unit.empty()) title += " <small>" + html_text(chart.unit) + "</small>";
  std::string note;
  if (cut.count > 0)
    note = concat_text("<p class=\"note\">", cut.count, cut.count == 1 ? " peak is" : " peaks are", " cut off: up to ",
                       number_text(cut.highest), " ", html_text(chart.unit), "</p>");
  // The drawing's upper edge cuts off peaks: an inner <svg> clips like a clip path, without needing a name. Room at the
  // sides keeps dots on the first and last step whole.
  constexpr double kRoom = 6;
  const std::string place = coordinate(frame.left - kRoom), span = coordinate(frame.right - frame.left + 2 * kRoom);
  const std::string inner =
      concat_text("<svg x=\"", place, "\" y=\"0\" width=\"", span, "\" height=\"", coordinate(frame.bottom),
                  "\" viewBox=\"", place, " 0 ", span, " ", coordinate(frame.bottom), "\">");
  return concat_text("<figure class=\"chart card", chart.wide ? " wide" : "", "\"><figcaption><h3>", title,
                     "</h3><div class=\"legend\">", legend(chart), "</div></figcaption><div class=\"plot\"><svg ",
                     "viewBox=\"0 0 ", frame.width, " ", frame.height, "\" role=\"img\" aria-label=\"",
                     html_text(chart.title), " over steps\">", axes(frame), inner, drawn_series(frame, chart, edges),
                     "</svg>", drawn_mark(frame, chart), "</svg></div>", note, "<script type=\"application/json\">",
                     pointer_data(frame, chart), "</script></figure>\n");
}

}  // namespace rankine
