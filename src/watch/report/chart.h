#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rankine {

/// A line in a chart, or an area in a stack.
struct ChartSeries {
  enum class Style { line, thick, dots };
  std::string name{};
  std::vector<double> values{};  ///< one per step of the chart; NaN: none
  int colour = 1;                ///< 1 to 6: the classes c1 to c6 of assets/report.css
  Style style = Style::line;
};

/// Numbers over steps, drawn as SVG.
struct Chart {
  std::string title{}, unit{};  ///< "Memory", "GiB"
  std::vector<double> steps{};
  double first_step = 0, last_step = 1;  ///< the ends of the axis
  std::vector<ChartSeries> series{};
  /// The least and greatest value at each step, drawn as a pale band behind the lines; empty: none.
  std::vector<double> low{}, high{};
  std::string band_name{};
  std::optional<std::pair<double, std::string>> mark{};  ///< a dashed level with its name: {1.0, "limit"}
  bool stacked = false;                                  ///< the series are drawn on top of each other
  bool logarithmic = false;
  bool from_zero = false;
  bool cut_peaks = false;  ///< rare values far above the others leave the frame, with a note
  bool wide = false;       ///< over the page's whole width
};

/// A <figure> with the drawing, its legend, and the numbers that assets/report.js shows under the pointer. Empty if no
/// series has a value.
std::string chart_html(const Chart& chart);

}  // namespace rankine
