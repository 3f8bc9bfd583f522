#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <iterator>
#include <map>
#include <numeric>
#include <set>

#include "base/error.h"
#include "watch/report/parts.h"
#include "watch/report/text.h"

namespace rankine {
namespace report {
namespace {

std::string local_time() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::localtime_r(&now, &parts);
  std::array<char, 64> buffer;
  return {buffer.data(), std::strftime(buffer.data(), buffer.size(), "%Y-%m-%d %H:%M", &parts)};
}

std::vector<double> finite(const std::vector<double>& values) {
  std::vector<double> all;
  std::ranges::copy_if(values, std::back_inserter(all), [](double v) { return std::isfinite(v); });
  return all;
}

double sum_of(const std::vector<double>& values) {
  const std::vector<double> known = finite(values);
  return std::accumulate(known.begin(), known.end(), 0.0);
}

double median_of(std::vector<double> values) {
  values = finite(values);
  if (values.empty()) return NAN;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

double mean_of(const std::vector<double>& values, size_t first, size_t count) {
  const std::vector<double> part(values.begin() + static_cast<std::ptrdiff_t>(first),
                                 values.begin() + static_cast<std::ptrdiff_t>(first + count));
  const std::vector<double> known = finite(part);
  return known.empty() ? NAN : sum_of(known) / static_cast<double>(known.size());
}

std::string tile(const std::string& name, const std::string& value, const std::string& note) {
  return "<div class=\"tile card\"><span>" + name + "</span><strong>" + value + "</strong><small>" + note +
         "</small></div>";
}

std::string whole(int64_t number) { return tick_text(static_cast<double>(number), 1); }

/// The mean of the last tenth, compared with the first.
std::string loss_tile(const MetricsTable& metrics) {
  const std::vector<double>& loss = metrics.column("loss");
  const size_t part = std::max<size_t>(1, loss.size() / 10);
  if (loss.empty()) return "";
  const double first = mean_of(loss, 0, part), last = mean_of(loss, loss.size() - part, part);
  const double change = 100 * (last / first - 1);
  std::string note =
      "mean of the last " + (part == 1 ? std::string("step") : whole(static_cast<int64_t>(part)) + " steps");
  if (std::isfinite(change) && loss.size() > 1)
    note = (change < 0 ? "−" : "+") + number_text(std::abs(change), 2) + " % since the first tenth";
  return tile("Loss", number_text(last), note);
}

std::string tiles(const ReportFacts& facts, const MetricsTable& metrics) {
  const std::vector<double>& seconds = metrics.column("step_seconds");
  double total = 0;
  for (const Phase& phase : phases_of(metrics)) total += phase.total;
  const double waited = sum_of(metrics.column("seconds/load")), median = median_of(seconds);
  const RunSummary& s = facts.summary;
  std::string all = tile("Steps", whole(metrics.steps.back()),
                         "of " + whole(s.steps) + ", epoch " + whole(metrics.epochs.back()) + " of " + whole(s.epochs));
  all += loss_tile(metrics);
  if (median > 0)
    all += tile("Speed",
                median > 1 ? number_text(median) + " <em>s a step</em>" : number_text(1 / median) + " <em>steps/s</em>",
                "median; batch size " + html_text(s.batch_size));
  if (total > 0) {
    all += tile("Waited for pictures", percent_text(waited / total), time_text(waited) + " in all");
    all += tile("Time", time_text(total), "of all phases");
  }
  const std::vector<double> memory = finite(metrics.column("resident_bytes"));
  int64_t planned = 0;
  for (const auto& [use, bytes] : s.memory_bytes) planned += bytes;
  if (!memory.empty())
    all += tile("Most memory", bytes_text(static_cast<int64_t>(*std::ranges::max_element(memory))),
                planned > 0 ? bytes_text(planned) + " planned for the step" : "resident");
  return "<div class=\"tiles\">" + all + "</div>\n";
}

}  // namespace

std::string header(const ReportFacts& facts, const MetricsTable& metrics, RunState state) {
  const RunSummary& s = facts.summary;
  const int64_t step = metrics.steps.back();
  const double share = s.steps > 0 ? std::clamp(static_cast<double>(step) / static_cast<double>(s.steps), 0.0, 1.0) : 0;
  const char* names[] = {"running", "finished", "stopped"};
  const std::string name = names[static_cast<int>(state)];
  std::string out = "<header><div class=\"title\"><h1>" + html_text(facts.name) + "</h1><span class=\"badge " + name +
                    "\">" + name + "</span></div><p class=\"sub\">" + html_text(s.model) + " · " +
                    html_text(s.precision) + " · LoRA of " + html_text(s.network) + " · " +
                    count_text(s.trained_parameters) + " parameters · written " + local_time() + "</p>";
  if (state != RunState::finished)
    out += "<div class=\"progress\" role=\"img\" aria-label=\"" + percent_text(share) +
           " done\"><span style=\"width:" + number_text(100 * share, 4) + "%\"></span></div>";
  return out + tiles(facts, metrics) + "</header>\n";
}

std::string samples(const std::vector<SamplePicture>& pictures) {
  // Limits the page's size: at most this many moments, evenly chosen, including the first and the
  // last.
  constexpr size_t kMostMoments = 24;
  constexpr int kLongestSide = 320;
  std::set<int64_t> every, shown;
  for (const SamplePicture& p : pictures) every.insert(p.step);
  const std::vector<int64_t> moments(every.begin(), every.end());
  const size_t count = std::min(kMostMoments, moments.size());
  for (size_t i = 0; i < count; ++i) shown.insert(moments[count == 1 ? 0 : i * (moments.size() - 1) / (count - 1)]);
  std::map<int, std::string> strips, prompts;
  for (const SamplePicture& p : pictures) {
    if (!shown.contains(p.step)) continue;
    std::string source;
    try {
      source = thumbnail_url(p.file, kLongestSide);
    } catch (const Error&) {
      continue;  // missing by now, or cut by a kill; the run itself does not need it
    }
    const std::string file = "sample/" + std::filesystem::path(p.file).filename().string();
    strips[p.index] += "<a href=\"" + relative_url(file) + "\"><img src=\"" + source + "\" alt=\"" +
                       html_text(p.prompt) + "\" loading=\"lazy\"><span>" + html_text(p.moment) + "</span></a>";
    if (!p.prompt.empty()) prompts[p.index] = p.prompt;
  }
  std::string out;
  for (const auto& [index, strip] : strips) {
    const std::string prompt = prompts[index].empty() ? "prompt " + std::to_string(index + 1) : prompts[index];
    out += "<div class=\"card sample\"><p>" + html_text(prompt) + "</p><div class=\"strip\">" + strip + "</div></div>";
  }
  if (out.empty()) return "";
  if (moments.size() > count)
    out += concat_text("<p class=\"note\">", count, " of ", moments.size(),
                       " moments are shown here; all pictures are in ", "the folder sample.</p>");
  return "<section><h2>Sample pictures</h2>" + out + "</section>\n";
}

}  // namespace report

std::string report_html(const ReportFacts& facts, const MetricsTable& metrics,
                        const std::vector<SamplePicture>& pictures, RunState state, const std::string& metrics_name) {
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
         "content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light "
         "dark\">\n<title>" +
         html_text(facts.name) + " – training report</title>\n<style>\n" + std::string(report::style_sheet()) +
         "</style>\n</head>\n<body>\n<main>\n" + report::header(facts, metrics, state) +
         report::charts(facts, metrics) + report::time_table(metrics) + report::samples(pictures) +
         report::dataset(facts.summary) + report::settings(facts) +
         "<footer>Rankine. The numbers of every step are in " + html_text(metrics_name) +
         " beside this "
         "file.</footer>\n</main>\n<script>\n" +
         std::string(report::script()) + "</script>\n</body>\n</html>\n";
}

}  // namespace rankine
