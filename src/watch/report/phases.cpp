#include <algorithm>
#include <cmath>
#include <numeric>

#include "watch/report/parts.h"
#include "watch/report/text.h"

namespace rankine::report {
namespace {

struct KnownPhase {
  std::string_view name, title;
  int colour;
};

/// The phases of StepMetrics::seconds in the order of the stack: the usually largest is at the bottom.
constexpr KnownPhase known_phases[] = {
    {"forward_backward", "forward and backward", 1},
    {"update", "optimizer", 3},
    {"encode", "encoding pictures", 4},
    {"prepare", "noise and captions", 6},
    {"load", "waiting for pictures", 2},
    {"save", "saving", 5},
    {"sample", "sample pictures", 7},
    {"validate", "validation", 8},
};
constexpr int kOtherColour = 9;

double sum_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0,
                         [](double sum, double v) { return std::isfinite(v) ? sum + v : sum; });
}

}  // namespace

std::vector<Phase> phases_of(const MetricsTable& metrics) {
  std::vector<Phase> phases;
  std::vector<double> rest = metrics.column("step_seconds");
  const auto add = [&](const std::string& name, std::string_view title, int colour) {
    const std::vector<double>& seconds = metrics.column("seconds/" + name);
    if (sum_of(seconds) <= 0) return;
    for (size_t i = 0; i < std::min(rest.size(), seconds.size()); ++i)
      if (std::isfinite(seconds[i])) rest[i] -= seconds[i];
    phases.push_back({std::string(title), colour, seconds, sum_of(seconds), 0});
  };
  std::vector<std::string> unknown = metrics.names_under("seconds/");
  for (const KnownPhase& known : known_phases) {
    add(std::string(known.name), known.title, known.colour);
    std::erase(unknown, known.name);
  }
  for (const std::string& name : unknown) add(name, name, kOtherColour);
  // The time of a state that is saved after its step counts to the next step, so a phase can be longer than its step.
  for (double& seconds : rest) seconds = std::max(0.0, seconds);
  if (sum_of(rest) > 0) phases.push_back({"all else", kOtherColour, rest, sum_of(rest), 0});
  double all = 0;
  for (const Phase& phase : phases) all += phase.total;
  for (Phase& phase : phases) phase.share = phase.total / all;
  return phases;
}

std::string time_table(const MetricsTable& metrics) {
  const std::vector<Phase> phases = phases_of(metrics);
  if (phases.empty()) return "";
  std::string bar, rows;
  for (const Phase& phase : phases) {
    const std::string colour = "c" + std::to_string(phase.colour), title = html_text(phase.title);
    bar += "<span class=\"" + colour + "\" style=\"flex-grow:" + number_text(100 * phase.share, 4) + "\" title=\"" +
           title + ": " + percent_text(phase.share) + "\"></span>";
    rows += "<tr><td><i class=\"areakey " + colour + "\"></i>" + title + "</td><td class=\"n\">" +
            time_text(phase.total) + "</td><td class=\"n\">" + percent_text(phase.share) + "</td><td class=\"n\">" +
            time_text(phase.total / static_cast<double>(metrics.rows())) + "</td></tr>";
  }
  return "<section><h2>Where the time went</h2><div class=\"card\"><div class=\"timebar\">" + bar +
         "</div><table><thead><tr><th>Phase</th><th class=\"n\">Time</th><th class=\"n\">Share</th>"
         "<th class=\"n\">A step</th></tr></thead><tbody>" +
         rows + "</tbody></table></div></section>\n";
}

}  // namespace rankine::report
